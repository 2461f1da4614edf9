"""A database that hangs, refuses writes or has odd defaults: the relay lives, says so, and goes on by itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from local.ports import free_port
from local.servers.mongodb import MongoServer
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import MongoOutbox, PostgresOutbox

NOTICED_S = 20.0
DEFAULTS = {
    "DateStyle": "German",
    "TimeZone": "Asia/Kolkata",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "default_transaction_isolation": "serializable",
    "search_path": "elsewhere",
    "statement_timeout": "20ms",
    "lock_timeout": "1ms",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "row_security": "off",
    "quote_all_identifiers": "on",
    "enable_indexscan": "off",
    "enable_hashagg": "off",
    "plan_cache_mode": "force_custom_plan",
    "lc_numeric": "C",
    "extra_float_digits": "-15",
}


def relays_backend(outbox: PostgresOutbox) -> int:
    asked = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'relay %' AND datname = current_database()"
    (pid,) = outbox.session.execute(asked).fetchall()[0]
    return int(pid)


@contextmanager
def stopped(pid: int | None) -> Iterator[None]:
    """Stops a process of this machine: its connections stay open, and nobody answers on them."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_session_that_hangs_is_given_up_and_the_relay_lives(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    with stopped(relays_backend(postgres_outbox)):
        postgres_outbox.write(events(service, 3))
        eventually(
            lambda: "has not answered" in relay.reasons() or "another session's" in relay.reasons(),
            because="it says so",
            within_s=2 * NOTICED_S,
        )
        assert relay.get("/healthz")[0] == 200
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)
    eventually(lambda: relay.reasons() == "", because="it is ready again")


def test_a_mongodb_that_hangs_is_given_up_and_the_relay_lives(
    broker: Broker, service: str, start_relay: StartRelay, tmp_path: Path
) -> None:
    with MongoServer(tmp_path / "mongodb") as server:
        outbox = MongoOutbox(server.create_database(service))
        relay = start_relay(outbox).until_ready()
        with stopped(server.processes[0].pid):
            eventually(lambda: "MongoDB" in relay.reasons(), because="it says so", within_s=NOTICED_S)
            assert relay.get("/healthz")[0] == 200
        outbox.write(events(service, 3))
        until_delivered(outbox)
        assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)
        outbox.close()


def test_a_primary_that_refuses_writes_is_away(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    with default(postgres_outbox, "default_transaction_read_only", "on"):
        postgres_outbox.write(events(service, 3))
        postgres_outbox.end_sessions()
        eventually(lambda: "read-only transaction" in relay.reasons(), because="it says so")
        assert relay.metric("outbox_relay_refused_total") == 0
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)
    eventually(lambda: relay.reasons() == "", because="it is ready again")


def test_an_administrators_defaults_change_nothing(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    for name, value in DEFAULTS.items():
        set_default(postgres_outbox, name, value)
    try:
        postgres_outbox.write(events(service, 3))
        relay = start_relay(postgres_outbox).until_ready()
        postgres_outbox.write(events(service, 3, first=4))
        until_delivered(postgres_outbox)
        assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(6)
        assert relay.reasons() == ""
    finally:
        for name in DEFAULTS:
            set_default(postgres_outbox, name, None)


def test_of_two_hosts_the_one_that_takes_writes_is_used(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    account, _, rest = postgres_outbox.relay_url.rpartition("@")
    host, _, database = rest.partition("/")
    two = f"{account}@127.0.0.1:{free_port()},{host}/{database.partition('?')[0]}?target_session_attrs=read-write"
    postgres_outbox.write(events(service, 2))
    start_relay(postgres_outbox, DATABASE_URL=two).until_ready()
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(2)


def set_default(outbox: PostgresOutbox, name: str, value: str | None) -> None:
    (database,) = outbox.session.execute("SELECT current_database()").fetchall()[0]
    to = sql.SQL("DEFAULT") if value is None else sql.Literal(value)
    change = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} TO {}")
    may_write = "-c default_transaction_read_only=off"  # whatever the default is by now
    with psycopg.connect(outbox.relay_url, autocommit=True, options=may_write) as relay:
        relay.execute(change.format(sql.Identifier(database), sql.SQL(name), to))


@contextmanager
def default(outbox: PostgresOutbox, name: str, value: str) -> Iterator[None]:
    """Gives the role another default in this database for a while."""
    set_default(outbox, name, value)
    try:
        yield
    finally:
        set_default(outbox, name, None)
