"""A consumer whose handlers take a Session, as a process runs it but for the broker."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy.orm import Session

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.handlers import Handlers, Outcome
from infirmary.messages import Command, Event, reads, receives
from infirmary.postgres.notify import Notifier
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import Transaction
from infirmary.settings import Settings
from infirmary.sqlalchemy.handling import in_sessions
from infirmary.testing import message
from tests.integration.sessions.app import Shop

EVENTS, COMMANDS = "till.events", "admission.to.shop"


@reads("till")
class Sold(Event):
    """What the service is told."""

    name: str


@reads("till")
class Noted(Event):
    """The same for a handler that takes the transaction."""

    name: str


@receives("admission")
class Reserve(Command):
    """What the service is asked."""

    name: str


OnSold = Callable[[Sold, Session], None]


class Consumer:
    """The service's consumer; a test says what its handler does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.on_sold: OnSold = lambda _event, _session: None
        self.on_reserve: Callable[[Reserve, Session], Outcome] = lambda _command, _session: None
        self._notifier = Notifier(settings, "shop")
        self._dispatcher = Dispatcher(in_sessions(self._handlers()))
        self._offsets = {EVENTS: 0, COMMANDS: 0}
        self._sequences: dict[tuple[str, str], int] = {}
        self.open()

    def _handlers(self) -> Handlers:
        handlers = Handlers("shop")

        @handlers.on(Sold)
        def sold(event: Sold, session: Session) -> None:
            self.on_sold(event, session)

        @handlers.on(Noted)
        def noted(event: Noted, tx: Transaction) -> None:
            tx.execute("INSERT INTO item (name, number) VALUES (%(name)s, 0)", name=event.name)

        @handlers.command(Reserve)
        def reserve(command: Reserve, session: Session) -> Outcome:
            return self.on_reserve(command, session)

        return handlers

    def open(self) -> None:
        """Connects; after its session was ended, once more."""
        self.store = PostgresStore("shop", self.settings, self._dispatcher, self._notifier)
        self._applier = Applier(self.store, self._dispatcher.handles, self._dispatcher.series, 30)

    def hear(self, *names: str, kind: type[Event] = Sold) -> None:
        """Applies a batch of events."""
        self._apply(EVENTS, [self._made("till", EVENTS, kind.__name__, name, {"name": name}) for name in names])

    def be_asked(self, *names: str) -> None:
        """Applies a batch of commands, each of a saga of its own."""
        made = []
        for name in names:
            saga_id = uuid4()
            body = {"saga_id": saga_id, "step": "step", "attempt": 1, "reply_to": "admission", "name": name}
            made.append(self._made("admission", COMMANDS, "Reserve", str(saga_id), body))
        self._apply(COMMANDS, made)

    def retry(self) -> None:
        """Tries what is parked, now."""
        with psycopg.connect(self.settings.database_url) as database:
            database.execute("UPDATE parked_message SET retry_at = now()")
        self._applier.retry(EVENTS, self.store.positions.read(EVENTS))

    def close(self) -> None:
        """Ends its connections."""
        self.store.close()
        self._notifier.close()

    def _made(self, source: str, log: str, kind: str, subject: str, body: dict[str, Any]) -> Delivery:
        sequence = self._sequences[log, subject] = self._sequences.get((log, subject), 0) + 1
        properties, raw = message(source, kind, body, subject=subject, sequence=sequence)
        self._offsets[log] += 1
        return Delivery(properties, raw, 1, self._offsets[log])

    def _apply(self, log: str, deliveries: list[Delivery]) -> None:
        at = self.store.positions.read(log)
        self._applier.apply(log, deliveries, Position(0, at.last_offset, at.last_message_id))


def errors(shop: Shop) -> list[str]:
    """Returns why messages are parked, each in one line."""
    return [error.splitlines()[0] for (error,) in shop.rows("SELECT error FROM parked_message WHERE error IS NOT NULL")]
