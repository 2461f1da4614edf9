"""A small service to try the library with: it counts what it is told."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infirmary.consumer.applying import Applier
from infirmary.consumer.broker import Broker
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.position import Position
from infirmary.consumer.session import Session
from infirmary.identifiers import new_id
from infirmary.messages import Command, Message, encode
from infirmary.postgres.notify import Notifier
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import Transaction, transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.messages import (
    COMMANDS,
    LOG,
    Faults,
    Told,
    handlers_of,
)
from tests.spans import Spans


class Counting:
    """The service with a database of its own.

    `reading_port` is where its logs are read by the stream protocol; 0 to read them by AMQP 0-9-1.
    """

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self.settings, self.faults = settings, faults
        self.reading_port = 0
        self._positions = {log: Position(first_offset=0) for log in (LOG, COMMANDS)}
        self._offsets = count()
        self._asked: Counter[UUID] = Counter()
        self._tags = count(1)
        self.notifier = Notifier(settings, "counting")
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)
        self.spans = Spans()
        self.dispatcher = Dispatcher(handlers_of(self.faults))
        self.store = self.open_store()
        self.applier = self.applier_on(self.store)
        for log in self._positions:
            self.store.positions.read(log)

    def open_store(self) -> PostgresStore:
        """Opens another connection, as another process would."""
        return PostgresStore("counting", self.settings, self.dispatcher, self.notifier, tracer=self.spans.tracer())

    def session(self, connected: tuple[Broker, LogBroker | None], **more: Any) -> Session:
        """Returns a session on a connection of its own that reads the log of events, and by `logs` others."""
        store = self.open_store()
        logs = more.pop("logs", [LOG, COMMANDS])
        broker, reads_logs = connected
        return Session("counting", logs, store, self.applier_on(store), broker, 100, reads_logs=reads_logs, **more)

    def applier_on(self, store: PostgresStore) -> Applier:
        """Returns what applies messages on a connection."""
        return Applier(store, self.dispatcher.handles, self.dispatcher.series, self.settings.saga_sequence_days)

    @property
    def position(self) -> Position:
        """How far the log of events was read."""
        return self._positions[LOG]

    @position.setter
    def position(self, position: Position) -> None:
        self._positions[LOG] = position

    def told(self, counter: str, number: int, sequence: int | None = None, **extra: Any) -> Delivery:
        """Returns the delivery of an event; its sequence is its number unless another is given."""
        message = Told(counter=counter, number=number, fault=extra.pop("fault", None))
        return self.delivery(message, counter, sequence or number, offset=next(self._offsets), **extra)

    def asked(
        self, command: type[Command], saga_id: UUID, number: int, *, attempt: int = 1, undo: bool = False
    ) -> Delivery:
        """Returns the delivery of a command, the next one of its saga."""
        step = "step.compensation" if undo else "step"
        fields = {"saga_id": saga_id, "step": step, "attempt": attempt, "reply_to": "admission"}
        message = command.model_validate({**fields, "counter": str(saga_id), "number": number})
        self._asked[saga_id] += 1
        sequence, offset = self._asked[saga_id], next(self._offsets)
        return self.delivery(message, str(saga_id), sequence, offset=offset, source="admission")

    def delivery(
        self,
        message: Message,
        subject: str,
        sequence: int | None,
        *,
        offset: int | None = None,
        source: str = "ward",
        message_id: UUID | None = None,
        body: bytes | None = None,
    ) -> Delivery:
        """Returns a delivery as the broker would make it."""
        headers = {"subject": subject} | ({"sequence": sequence} if sequence is not None else {})
        properties = {
            "message_id": str(message_id or new_id()),
            "app_id": source,
            "type": type(message).__name__,
            "application_headers": headers,
        }
        return Delivery(properties, encode(message) if body is None else body, next(self._tags), offset)

    def rubbish(self, **properties: Any) -> Delivery:
        """Returns a delivery that nobody can make sense of."""
        return Delivery(properties, b"\x00rubbish", next(self._tags), next(self._offsets))

    def read(self, *deliveries: Delivery) -> None:
        """Applies a batch of the log of events."""
        self._apply(LOG, deliveries)

    def take(self, *deliveries: Delivery) -> None:
        """Applies a batch of the log of commands."""
        self._apply(COMMANDS, deliveries)

    def _apply(self, log: str, deliveries: Sequence[Delivery]) -> None:
        self._positions[log] = self.applier.apply(log, deliveries, self._positions[log])

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Looks into the database."""
        return self.database.execute(sql, values).fetchall()

    def numbers(self, counter: object) -> list[int]:
        """Returns what the service was told for a counter, in the order in which it was applied."""
        return [
            number for (number,) in self.rows("SELECT number FROM told WHERE counter = %s ORDER BY id", str(counter))
        ]

    def held(self) -> list[tuple[Any, ...]]:
        """Returns (subject, sequence, error) of what is parked or waits."""
        return self.rows("SELECT subject, sequence, error FROM parked_message ORDER BY id")

    def retry(self, channel: str, at_most: int = 100, until: float = math.inf) -> int:
        """Tries what is held and due."""
        position = self._positions.get(channel) or self.store.positions.read(channel)
        return self.applier.retry(channel, position, at_most, until)

    def retry_now(self, channel: str) -> bool:
        """Lets everything that is parked be due, as an operator may, and tries it."""
        self.database.execute("UPDATE parked_message SET retry_at = now() WHERE retry_at < 'infinity'")
        return self.retry(channel) > 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Runs a transaction as the API would."""
        with (
            psycopg.connect(self.settings.as_owner().database_url, autocommit=True) as connection,
            transaction(connection, "counting", causation_of(None, None, None)) as tx,
        ):
            yield tx

    def close(self) -> None:
        """Ends all connections."""
        self.notifier.close()
        self.store.close()
        self.database.close()


@pytest.fixture
def faults() -> Faults:
    """What is wrong with the counting service; tests change it."""
    return Faults()


@pytest.fixture
def counting(new_database: NewDatabase, faults: Faults, reading_port: int) -> Iterator[Counting]:
    """The counting service on a fresh database; it reads from a broker by either protocol."""
    settings = new_database("patient")
    with psycopg.connect(settings.as_owner().database_url) as connection:
        connection.execute("CREATE TABLE told (id bigserial PRIMARY KEY, counter text, number int)")
        connection.execute(
            """CREATE FUNCTION raise_fault(state text) RETURNS void LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'a fault was asked for' USING ERRCODE = state; END $$"""
        )
    service = Counting(settings, faults)
    service.reading_port = reading_port
    yield service
    service.close()


MakeCounting = Callable[[], Counting]
