"""What only PostgreSQL can do to a relay: late commits, prepared transactions, held snapshots, missing tables."""

import psycopg

from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import INSERT, Message, PostgresOutbox, row
from tests.integration.relay.process import RELAY


def test_a_row_that_is_committed_late_is_not_passed_over(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox, RELAY_BATCH_ROWS="5").until_ready()
    with psycopg.connect(postgres_outbox.url) as late:
        late.execute(INSERT, row(Message(f"{service}.events", "late", 1, b"late 1")))
        for first in range(1, 40, 3):
            postgres_outbox.write(events(service, 3, first=first))
        until_delivered(postgres_outbox)
        eventually(lambda: relay.metric("outbox_relay_confirmed_total") >= 39 * 7, because="the others have gone")
        late.commit()
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(39) | {"late": [1]}


def test_many_writers_that_commit_in_any_order_lose_nothing(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    start_relay(postgres_outbox, RELAY_BATCH_ROWS="3").until_ready()
    sessions = [psycopg.connect(postgres_outbox.url) for _ in range(6)]
    for sequence in range(1, 61):
        for number, session in enumerate(sessions):
            message = Message(f"{service}.events", f"s{number}", sequence, f"s{number} {sequence}".encode())
            session.execute(INSERT, row(message))
            if (sequence + number) % (number + 2) == 0:
                session.commit()
    for session in sessions:
        session.commit()
        session.close()
    until_delivered(postgres_outbox)
    arrived = in_order_of_subject(broker.bodies(f"{service}.events"))
    assert arrived == {f"s{number}": list(range(1, 61)) for number in range(6)}


def test_the_relay_waits_for_its_tables_and_says_what_is_missing(
    postgres: PostgresServer | ExternalPostgres, service: str, start_relay: StartRelay
) -> None:
    postgres.databases.make_template("template_bare", lambda _: None)
    with postgres.databases.clone("template_bare") as url:
        outbox = PostgresOutbox(url)
        relay = start_relay(outbox)
        eventually(lambda: "there is no table outbox" in relay.reasons(), because="it says what is missing")
        outbox.session.execute((RELAY / "infirmary_relay" / "schema.sql").read_text())
        outbox.session.execute("ALTER TABLE outbox DROP COLUMN header")
        eventually(lambda: "lacks header" in relay.reasons(), because="it says which column is missing")
        outbox.session.execute("ALTER TABLE outbox ADD COLUMN header bytea")
        relay.until_ready()
        relay.kill()
        outbox.close()


def test_polling_stays_quick_while_a_snapshot_is_held(
    postgres_outbox: PostgresOutbox, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    with psycopg.connect(postgres_outbox.url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        postgres_outbox.session.execute(INSERT_MANY, {"log": f"{service}.events", "rows": ROWS})
        until_delivered(postgres_outbox)

        def entries_read() -> int:
            (count,) = postgres_outbox.session.execute(INDEX_ENTRIES_READ).fetchall()[0]
            return int(count)

        turns = relay.metric("outbox_relay_turns_total")
        eventually(lambda: relay.metric("outbox_relay_turns_total") > turns + 20, because="statistics are flushed")
        before, turns = entries_read(), relay.metric("outbox_relay_turns_total")
        eventually(lambda: relay.metric("outbox_relay_turns_total") > turns + 20, because="it polls")
        assert entries_read() - before < ROWS, "polls walk over the dead rows again and again"


ROWS = 20_000
INDEX_ENTRIES_READ = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_pkey'"
INSERT_MANY = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, body)
SELECT mod(n, 64), gen_random_uuid(), %(log)s, 'Noted', 's' || mod(n, 64), n, 'x'::bytea
FROM generate_series(1, %(rows)s) n
"""
