"""A service's consumer without a broker: a test hands the messages of its logs over."""

from collections.abc import Sequence
from typing import Any

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.postgres.notify import Notifier
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.postgres.store import PostgresStore
from infirmary.registry import handlers_of
from infirmary.settings import Settings


class HandFed:
    """The consumer of one service with a PostgreSQL database.

    Attributes:
        store: Its connection.
        logs: What it reads.
    """

    def __init__(self, service: str, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._orchestrator = orchestrator_of(service)
        asked = self._orchestrator.peers() if self._orchestrator is not None else ()
        self._dispatcher = Dispatcher(handlers_of(service), asked)
        self._notifier = Notifier(settings, service)
        self.logs = self._dispatcher.logs()
        self.open()

    def open(self) -> None:
        """Connects; after its session was ended, once more."""
        self.store = PostgresStore(self._service, self._settings, self._dispatcher, self._notifier, self._orchestrator)
        handles, series = self._dispatcher.handles, self._dispatcher.series
        self._applier = Applier(self.store, handles, series, self._settings.saga_sequence_days)

    def hears(self, log: str, messages: Sequence[tuple[dict[str, Any], bytes]]) -> None:
        """Applies messages, each with its properties and its body, at the end of a log, in one batch."""
        at = self.store.positions.read(log)
        first = 0 if at.last_offset is None else at.last_offset + 1
        deliveries = [Delivery(properties, body, 1, place) for place, (properties, body) in enumerate(messages, first)]
        self._applier.apply(log, deliveries, Position(0, at.last_offset, at.last_message_id))

    def retries(self) -> None:
        """Tries what is held and due."""
        for log in self.logs:
            self._applier.retry(log, self.store.positions.read(log))

    def close(self) -> None:
        """Disconnects."""
        self.store.close()
        self._notifier.close()


def properties_of(source: str, message_id: object, kind: str, subject: object, sequence: int | None) -> dict[str, Any]:
    """Returns a message's properties, as py-amqp names them."""
    headers = {"subject": str(subject)} | ({} if sequence is None else {"sequence": sequence})
    return {"message_id": str(message_id), "app_id": source, "type": kind, "application_headers": headers}
