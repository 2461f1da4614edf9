"""What the relay tells a monitoring system, with either database."""

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.eventually import eventually
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, until_delivered
from tests.integration.relay.outboxes import INSERT, Message, Outbox, PostgresOutbox, row

OLDEST, MEASURED, WAITING = (
    "outbox_relay_oldest_timestamp_seconds",
    "outbox_relay_measured_timestamp_seconds",
    "outbox_relay_waiting_messages",
)
FLOOR_HELD = "outbox_relay_floor_held_seconds"
DELIVERY, CONFIRM, BATCH = (
    "outbox_relay_delivery_seconds",
    "outbox_relay_confirm_seconds",
    "outbox_relay_batch_messages",
)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_no_fault(outbox: Outbox, service: str, start_relay: StartRelay) -> None:
    relay = start_relay(outbox).until_ready()
    outbox.write(events(service, 1))
    until_delivered(outbox)
    page = relay.get("/metrics")[1]
    told = subprocess.run(["promtool", "check", "metrics"], input=page, check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_each_batch_tells_how_long_its_oldest_message_has_waited(
    outbox: Outbox, service: str, start_relay: StartRelay
) -> None:
    outbox.write([Message(f"{service}.events", "a", 1, b"{}")])
    written_at = time.monotonic()
    eventually(lambda: time.monotonic() - written_at > 1.1, because="it has waited")
    relay = start_relay(outbox).until_ready()
    until_delivered(outbox)
    eventually(lambda: relay.metric(f"{BATCH}_count") == 1, because="the batch is settled")
    assert relay.metric(f"{BATCH}_sum") == 1
    assert 1.0 < relay.metric(f"{DELIVERY}_sum") < 60
    assert 0 < relay.metric(f"{CONFIRM}_sum") < relay.metric(f"{DELIVERY}_sum")
    assert abs(relay.metric("outbox_relay_confirmed_timestamp_seconds") - time.time()) < 60
    eventually(lambda: relay.metric(MEASURED) > 0, because="it is measured")


def test_what_waits_is_told_by_the_moment_it_was_written_and_zero_when_nothing_waits(
    outbox: Outbox, service: str, start_relay: StartRelay
) -> None:
    began = time.time()
    outbox.write([Message("nowhere", "a", 1, b"{}"), Message("nowhere", "a", 2, b"{}")])
    relay = start_relay(outbox)
    eventually(lambda: relay.metric(OLDEST) > 0, because="it is measured", within_s=15)
    assert began - 1 < relay.metric(OLDEST) < relay.metric(MEASURED)
    oldest = relay.metric(OLDEST)
    outbox.write([Message("nowhere", "a", 3, b"{}")])
    measured = relay.metric(MEASURED)
    eventually(lambda: relay.metric(MEASURED) > measured, because="it is measured again", within_s=15)
    assert relay.metric(OLDEST) == oldest, "a message that comes later does not make those before it younger"
    assert relay.metric('outbox_relay_not_ready{reason="target_blocked"}') == 1


def test_without_messages_there_is_no_oldest(outbox: Outbox, start_relay: StartRelay) -> None:
    relay = start_relay(outbox).until_ready()
    eventually(lambda: relay.metric(MEASURED) > 0, because="it is measured", within_s=15)
    assert (relay.metric(OLDEST), relay.metric(WAITING)) == (0, 0)


def write_as_of(outbox: PostgresOutbox, *moments: datetime | str) -> None:
    """Writes messages that nobody takes, as if at these times."""
    row = {"partition": 1, "target": "t" * 300, "type": "Noted", "body": b"{}"}
    for subject, moment in enumerate(moments):
        all_columns = row | {"message_id": uuid4(), "subject": str(subject), "created_at": moment}
        values = ", ".join(f"%({name})s" for name in all_columns)
        outbox.session.execute(f"INSERT INTO outbox ({', '.join(all_columns)}) VALUES ({values})", all_columns)


@pytest.mark.parametrize("never", ["infinity", "-infinity"])
@pytest.mark.parametrize(("others", "age_s"), [((), 0), ((timedelta(hours=1),), 3600)])
def test_a_row_of_no_time_leaves_the_age_of_the_others_as_it_is(
    postgres_outbox: PostgresOutbox, start_relay: StartRelay, never: str, others: tuple[timedelta, ...], age_s: int
) -> None:
    write_as_of(postgres_outbox, never, *(datetime.now(UTC) - age for age in others))
    relay = start_relay(postgres_outbox)
    eventually(lambda: relay.metric(WAITING) == 1 + len(others), because="all are counted", within_s=15)
    assert age_s <= time.time() - relay.metric(OLDEST) < age_s + 100


def test_a_message_from_the_future_grows_old_from_when_it_was_seen(
    postgres_outbox: PostgresOutbox, start_relay: StartRelay
) -> None:
    write_as_of(postgres_outbox, datetime.now(UTC) + timedelta(days=1))
    relay = start_relay(postgres_outbox)
    eventually(lambda: relay.metric(OLDEST) > 0, because="it is measured", within_s=15)
    first = relay.metric(OLDEST)
    assert first <= time.time()
    measured = relay.metric(MEASURED)
    eventually(lambda: relay.metric(MEASURED) > measured, because="it is measured again", within_s=15)
    assert relay.metric(OLDEST) == first


@pytest.mark.parametrize("by_administrator", [False, True])
def test_a_long_transaction_that_holds_the_floor_is_told_and_nothing_waits_for_it(
    postgres_outbox: PostgresOutbox,
    postgres: PostgresServer | ExternalPostgres,
    service: str,
    start_relay: StartRelay,
    by_administrator: bool,
) -> None:
    url = postgres_outbox.url
    if by_administrator:  # when that one's transactions began is told to nobody else
        url = make_conninfo(postgres.databases.administrator_url, dbname=conninfo_to_dict(url)["dbname"])
    relay = start_relay(postgres_outbox, RELAY_STALLED_AFTER_S="1").until_ready()
    with psycopg.connect(url) as writer:
        writer.execute(INSERT, row(Message(f"{service}.events", "late", 1, b"{}")))
        eventually(lambda: relay.metric(FLOOR_HELD) > 5, because="it is told, though nobody else writes")
        for first in range(1, 3):
            postgres_outbox.write(events(service, 1, first=first))
            eventually(lambda: postgres_outbox.waiting() == 0, because="nothing waits for it")
        held_s = relay.metric(FLOOR_HELD)
        eventually(lambda: held_s < relay.metric(FLOOR_HELD), because="it goes on with each scrape", within_s=1)
        assert relay.reasons() == ""
        assert relay.metric("outbox_relay_stalled_since_timestamp_seconds") == 0
        writer.commit()
    eventually(lambda: relay.metric(FLOOR_HELD) == 0, because="it has ended")
    until_delivered(postgres_outbox)
