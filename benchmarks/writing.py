"""A service that writes: transactions of the library, with or without an outbox row, and the two-statement way."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.rows import AGGREGATES, BODY_BYTES, prepare
from infirmary.messages import Event, publishes
from infirmary.postgres.notify import Notifier
from infirmary.postgres.transaction import transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import outgoing

NOTE = "x" * (BODY_BYTES - len('{"aggregate_id":1000,"note":""}'))
_CHANGE = "UPDATE aggregate SET state = state + 1 WHERE aggregate_id = %(aggregate_id)s"
_NUMBER = """
INSERT INTO outbox_sequence AS s (subject, last) VALUES (%s, 1)
ON CONFLICT (subject) DO UPDATE SET last = s.last + 1 RETURNING last
"""
_INSERT = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_COPY = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body)
SELECT partition, message_id, %s, type, subject, sequence, header, body FROM prepared WHERE position = %s
"""

Session = psycopg.Connection[Any]
Write = Callable[[Session, str, int], bytes | None]
"""Does one transaction of a service, on one of the aggregates."""


@publishes(subject="aggregate_id")
class Noted(Event):
    """What a writer tells about an aggregate: a body of 256 bytes."""

    aggregate_id: int
    note: str


@dataclass(frozen=True)
class Written:
    """When one message was written, in nanoseconds of the machine's monotonic clock."""

    message_id: bytes
    committed_ns: int


def state_only(session: Session, service: str, aggregate_id: int) -> None:
    """Changes an aggregate through the library and tells nobody."""
    with transaction(session, service, causation_of(None, None, None)) as tx:
        tx.execute(_CHANGE, aggregate_id=aggregate_id)


def with_outbox(session: Session, service: str, aggregate_id: int) -> bytes:
    """Changes an aggregate through the library and publishes an event about it; returns the message's id."""
    with transaction(session, service, causation_of(None, None, None)) as tx:
        tx.execute(_CHANGE, aggregate_id=aggregate_id)
        tx.publish(Noted(aggregate_id=aggregate_id, note=NOTE))
        return tx.messages[0].message_id.bytes


def state_by_statements(session: Session, _service: str, aggregate_id: int) -> None:
    """Changes an aggregate the usual way: a round trip for each statement."""
    session.execute("BEGIN")
    session.execute(_CHANGE, {"aggregate_id": aggregate_id})
    session.execute("COMMIT")


def outbox_by_statements(session: Session, service: str, aggregate_id: int) -> None:
    """Changes an aggregate and writes the event the usual way, by statements of their own."""
    session.execute("BEGIN")
    session.execute(_CHANGE, {"aggregate_id": aggregate_id})
    event = Noted(aggregate_id=aggregate_id, note=NOTE)
    row = outgoing(event, source=service, cause=causation_of(None, None, None))
    numbered = session.execute(_NUMBER, (row.subject,)).fetchone()
    sequence: int = numbered[0] if numbered else 0
    header = row.header + sequence.to_bytes(8, "big")
    values = (row.partition, row.message_id, row.target, row.type, row.subject, sequence, header, row.body)
    session.execute(_INSERT, values)
    session.execute("COMMIT")


def write_at(database_url: str, service: str, per_s: float, threads: int, warm_s: float, for_s: float) -> list[Written]:
    """Writes at a steady rate and notifies the relay; returns what was written after the warm-up."""

    def write(session: Session, _turn: int) -> bytes:
        return with_outbox(session, service, random.randint(1, AGGREGATES))  # noqa: S311 - any will do

    return _steadily(write, database_url, service, per_s, threads, warm_s, for_s)


def write_prepared_at(
    database_url: str, service: str, per_s: float, threads: int, warm_s: float, for_s: float
) -> list[Written]:
    """The same by a writer that costs little, so that the relay and the servers have the cores: it copies rows."""
    with connect(database_url) as session:
        prepare(session, int(per_s * (warm_s + for_s)))
        found = session.execute("SELECT message_id FROM prepared ORDER BY position")
        ids: list[bytes] = [message_id.bytes for (message_id,) in found]

    def write(session: Session, turn: int) -> bytes:
        session.execute(_COPY, (f"{service}.events", turn), prepare=True)
        return ids[turn]

    return _steadily(write, database_url, service, per_s, threads, warm_s, for_s)


def _steadily(
    write: Callable[[Session, int], bytes],
    database_url: str,
    service: str,
    per_s: float,
    threads: int,
    warm_s: float,
    for_s: float,
) -> list[Written]:
    notifier = Notifier(Settings(database_url=database_url), service)
    written: list[Written] = []
    start_at = time.monotonic() + 0.2

    def work(number: int) -> None:
        with connect(database_url) as session:
            for turn in range(number, int(per_s * (warm_s + for_s)), threads):
                due_at = start_at + turn / per_s
                time.sleep(max(0.0, due_at - time.monotonic()))
                each = Written(write(session, turn), time.monotonic_ns())
                notifier.notify()
                if due_at >= start_at + warm_s:
                    written.append(each)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    notifier.close()
    return written


def connect(database_url: str) -> Session:
    """Opens a session as a service has it."""
    return psycopg.connect(database_url, autocommit=True, prepare_threshold=2, application_name="benchmark/writer")
