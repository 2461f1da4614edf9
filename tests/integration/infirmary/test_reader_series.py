"""What is told of a reader, with real servers: its times, a log that was cut, its tables, a start without servers."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.retention import Retention
from infirmary.identifiers import least_id_of, new_id
from infirmary.messages import encode
from infirmary.processes import growing_tables
from local.ports import LOOPBACK
from local.rundir import REPOSITORY
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Faults, Told
from tests.integration.infirmary.publisher import Publisher, consuming, publisher
from tests.integration.infirmary.readers import readers

__all__ = ["publisher"]


def shown(metric: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"infirmary_{metric}", labels)
    assert value is not None, (metric, labels)
    return value


def tell(publisher: Publisher, counter: str, number: int, ago_s: float, log: str = LOG, note: int = 0) -> None:
    """Publishes an event that was written so long ago, with so many bytes beside it."""
    written = datetime.now(UTC) - timedelta(seconds=ago_s)
    headers = {"subject": counter, "sequence": number, "time": written.isoformat(), "note": "x" * note}
    body = encode(Told(counter=counter, number=number))
    identity = {"message_id": str(new_id()), "type": "Told", "app_id": "ward"}
    publisher.raw(log, body, application_headers=headers, **identity)


def test_the_time_to_the_effect_is_that_of_its_commit_for_what_was_parked_too(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, faults: Faults
) -> None:
    count, total = (shown(f"message_end_to_end_seconds_{each}", channel=LOG) for each in ("count", "sum"))
    faults.broken.add("b")
    tell(publisher, "a", 1, ago_s=40)
    tell(publisher, "b", 1, ago_s=500)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: shown("messages_held", channel=LOG, state="parked") == 1, because="one is parked")
        assert counting.numbers("a") == [1]
        assert shown("message_end_to_end_seconds_count", channel=LOG) == count + 1
        assert shown("message_end_to_end_seconds_sum", channel=LOG) - total == pytest.approx(40, abs=10)
        assert shown("messages_parked_total", channel=LOG, type="Told") >= 1
        faults.broken.clear()
        eventually(lambda: counting.numbers("b") == [1], because="it is applied now", within_s=40)
        eventually(lambda: shown("message_end_to_end_seconds_count", channel=LOG) == count + 2, because="it counts")
        assert shown("message_end_to_end_seconds_sum", channel=LOG) - total == pytest.approx(540, abs=60)
        eventually(lambda: shown("messages_held", channel=LOG, state="parked") == 0, because="none is parked")
        assert shown("held_oldest_timestamp_seconds", channel=LOG, state="parked") == 0


def test_a_reader_behind_shows_up_to_when_it_has_read_and_one_at_the_end_now(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    tell(publisher, "a", 1, ago_s=1000)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1], because="the consumer works")
        eventually(
            lambda: time.time() - shown("log_caught_up_timestamp_seconds", log=LOG) < 5,
            because="the end is looked for, and it is there",
        )
        assert shown("log_reader_active", log=LOG) == 1
    zero = [shown(f"log_{each}", log=LOG) for each in ("caught_up_timestamp_seconds", "reader_active", "offset")]
    assert zero == [0, 0, 0], "another process shows them from now on"


def test_a_log_that_retention_has_cut_is_told_by_what_is_lost_and_its_lag_stays_right(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.delete()
    small = {"x-queue-type": "stream", "x-max-length-bytes": 50_000, "x-stream-max-segment-size-bytes": 10_000}
    publisher.channel.queue_declare(LOG, durable=True, auto_delete=False, arguments=small)
    lost = shown("log_expired_unread_total", log=LOG)
    tell(publisher, "a", 1, ago_s=0)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1], because="the consumer works")
    for number in range(2, 402):
        tell(publisher, "a", number, ago_s=0, note=1000)
    with consuming(counting, rabbitmq_url):
        eventually(
            lambda: time.time() - shown("log_caught_up_timestamp_seconds", log=LOG) < 1,
            because="the rest is read",
        )
        waiting = eventually(
            lambda: waiting_with_what_is_missing(400), because="it waits for what is lost, and counts that"
        )
        assert 0 < waiting < 400
        assert shown("log_expired_unread_total", log=LOG) - lost >= 400 - waiting
        assert shown("log_lag_messages", log=LOG) == 0


def test_what_expires_under_a_reader_that_stands_still_is_noted_as_lost(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.delete()
    small = {"x-queue-type": "stream", "x-max-length-bytes": 50_000, "x-stream-max-segment-size-bytes": 10_000}
    publisher.channel.queue_declare(LOG, durable=True, auto_delete=False, arguments=small)
    tell(publisher, "a", 1, ago_s=0)
    with readers(counting, rabbitmq_url) as others:
        others.start(1)
        eventually(lambda: counting.numbers("a") == [1], because="the consumer works")
        with others.frozen():
            for number in range(2, 1502):
                tell(publisher, "a", number, ago_s=0, note=1000)
        eventually(lambda: (lost_of(counting) or 0) > 0, because="what it could not read is noted")


def lost_of(counting: Counting) -> int | None:
    """Returns how many messages of the log are noted as lost."""
    ((lost,),) = counting.rows("SELECT lost_messages FROM log_reader WHERE log = %s", LOG)
    return None if lost is None else int(lost)


def waiting_with_what_is_missing(messages: int) -> float:
    """Returns how many messages wait, when they and those that are missing are so many."""
    waiting = shown("messages_held", channel=LOG, state="waiting")
    return waiting if shown("messages_missing", channel=LOG) == messages - waiting else 0.0


def test_retention_that_keeps_up_says_when_it_left_nothing_and_the_table_stays_small(counting: Counting) -> None:
    """Rows that are too old come at 200 a second."""
    now, old, came = 0.0, str(least_id_of(time.time() - 60 * 86_400)), 0

    def come(rows: int) -> None:
        nonlocal came
        counting.database.execute(
            """INSERT INTO log_sequence SELECT %s, left(%s, 24) || lpad((%s + n)::text, 12, '0'), 1
               FROM generate_series(1, %s) AS n""",
            (COMMANDS, old, came, rows),
        )
        came += rows

    retention = Retention(lambda at_most: counting.store.forget_old([COMMANDS], at_most), clock=lambda: now)
    come(12_000)
    counting.database.execute("ANALYZE log_sequence")
    look = growing_tables("counting", counting.settings)
    assert {size.table: size for size in look()}["log_sequence"].rows == pytest.approx(12_000, rel=0.1)
    completed = shown("retention_completed_timestamp_seconds", table="log_sequence")
    while now < 10:
        now += 0.25
        retention.work(busy=True)
        come(50)
        if retention.goes_on:
            assert shown("retention_completed_timestamp_seconds", table="log_sequence") == completed
    assert not retention.goes_on
    assert time.time() - shown("retention_completed_timestamp_seconds", table="log_sequence") < 60
    for size in look():
        size.show()
    assert shown("table_rows", table="log_sequence") < 2000


def test_a_reader_that_starts_into_trouble_has_all_its_series_and_says_what_is_away(unused_port: int) -> None:
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://lab:lab@{LOOPBACK}:1/lab",
        "METRICS_PORT": str(unused_port),
        "HTTP_HOST": LOOPBACK,
    }
    command = [sys.executable, "-m", "services", "lab", "consumer"]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            lines = eventually(lambda: scraped(unused_port, 'not_ready{reason="database_away"} 1.0'), because="it says")
        finally:
            process.terminate()
    names = {line.partition("{")[0] for line in lines}
    expected = (
        *("messages_held", "held_oldest_timestamp_seconds", "messages_missing", "channel_unreadable", "log_offset"),
        *("log_lag_messages", "log_caught_up_timestamp_seconds", "log_reader_active", "log_started_over_total"),
        *("channel_stalled_since_timestamp_seconds", "log_expired_unread_total", "snapshot_staleness_seconds_count"),
        *("retention_completed_timestamp_seconds", "table_rows", "message_end_to_end_seconds_count"),
    )
    assert {f"infirmary_{each}" for each in expected} <= names
    assert 'infirmary_messages_held{channel="patient.events",state="parked"} 0.0' in lines
    assert "infirmary_ready 0.0" in lines
    turned = next(line for line in lines if line.startswith("infirmary_consumer_turned_timestamp_seconds "))
    assert time.time() - float(turned.split()[1]) < 30


def scraped(port: int, until: str) -> list[str]:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return []
    return text.splitlines() if until in text else []
