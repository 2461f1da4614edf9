"""For tests of a service: its consumer without a broker, which is handed messages instead of reading logs."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Self, TypeAlias
from uuid import UUID, uuid4

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.postgres.notify import Notifier
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.postgres.store import PostgresStore
from infirmary.registry import handlers_of
from infirmary.settings import Settings, read

Handed: TypeAlias = tuple[dict[str, Any], bytes]
"""A message's properties, as py-amqp names them, and its body."""


class HandFedConsumer(AbstractContextManager["HandFedConsumer"]):
    """The consumer of one service with a PostgreSQL database: all of it but the broker.

    Attributes:
        store: Its connection.
        logs: What it reads.
    """

    def __init__(self, service: str, settings: Settings | None = None) -> None:
        """Connects.

        Args:
            service: Whose consumer it is.
            settings: Without any, those of the environment: DATABASE_URL names the database.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        self._service, self._settings = service, settings or read(Settings)
        self._orchestrator = orchestrator_of(service)
        asked = self._orchestrator.peers() if self._orchestrator is not None else ()
        handlers = handlers_of(service)
        if handlers.with_session:
            from infirmary.sqlalchemy.handling import in_sessions  # most services do without

            handlers = in_sessions(handlers)
        self._dispatcher = Dispatcher(handlers, asked)
        self._notifier = Notifier(self._settings, service)
        self.logs = self._dispatcher.logs()
        self.open()

    def open(self) -> None:
        """Connects; after its session was ended, once more."""
        self.store = PostgresStore(self._service, self._settings, self._dispatcher, self._notifier, self._orchestrator)
        handles, series = self._dispatcher.handles, self._dispatcher.series
        self._applier = Applier(self.store, handles, series, self._settings.saga_sequence_days)

    def apply(self, log: str, *messages: Handed) -> None:
        """Applies messages at the end of a log, in one batch: a duplicate is dropped, what fails is parked."""
        at = self.store.positions.read(log)
        first = 0 if at.last_offset is None else at.last_offset + 1
        deliveries = [Delivery(properties, body, 1, place) for place, (properties, body) in enumerate(messages, first)]
        self._applier.apply(log, deliveries, Position(0, at.last_offset, at.last_message_id))

    def retry(self) -> None:
        """Tries what is parked and due."""
        for log in self.logs:
            self._applier.retry(log, self.store.positions.read(log))

    def close(self) -> None:
        """Disconnects."""
        self.store.close()
        self._notifier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def message(
    source: str,
    kind: str,
    body: bytes | Mapping[str, Any],
    *,
    subject: object,
    sequence: int | None,
    message_id: UUID | str | None = None,
) -> Handed:
    """Makes a message as its publisher's relay sends it.

    Args:
        source: The service that writes it.
        kind: Its type, the name of its class.
        body: Its fields, or their JSON.
        subject: The id of its aggregate, or of its saga.
        sequence: Its number among those of its subject, from 1; None as in a message that has none.
        message_id: What tells it from all others; a new one if it is left out.
    """
    headers = {"subject": str(subject)} | ({} if sequence is None else {"sequence": sequence})
    properties = {
        "message_id": str(message_id or uuid4()), "app_id": source, "type": kind, "application_headers": headers
    }  # fmt: skip
    return properties, body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
