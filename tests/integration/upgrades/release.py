"""One release of a service that leads stays: its consumer, which is handed replies in place of reading logs."""

from collections import Counter
from typing import Literal
from uuid import UUID

import psycopg

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.handlers import Handlers
from infirmary.identifiers import new_id
from infirmary.messages import Reply, encode
from infirmary.postgres.notify import Notifier
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.sagas.timers import time_out
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from tests.integration.upgrades.stays import HOTEL, STAFF, Stay, stay

REPLIES = f"{STAFF}.to.{HOTEL}"


class Release:
    """A release that knows some versions of the saga, and starts the newest of them."""

    def __init__(self, settings: Settings, *known: int) -> None:
        self.saga = stay(*known)
        self.orchestrator = Orchestrator(HOTEL, self.saga)
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)
        self._notifier = Notifier(settings, HOTEL)
        dispatcher = Dispatcher(Handlers(HOTEL), self.orchestrator.peers())
        self.store = PostgresStore(HOTEL, settings, dispatcher, self._notifier, self.orchestrator)
        self._applier = Applier(self.store, dispatcher.handles, dispatcher.series, 30)
        self._replied: Counter[UUID] = Counter()

    def beside(self, settings: Settings, *known: int) -> "Release":
        """Returns another release at work on the same database."""
        other = Release(settings, *known)
        other._replied = self._replied
        return other

    def start(self) -> UUID:
        saga_id = new_id()
        with transaction(self.database, HOTEL, causation_of(None, None, None), False) as tx:
            self.orchestrator.start(tx, self.saga, saga_id, Stay(nights=2))
        return saga_id

    def answered(self, saga_id: UUID, step: str, outcome: Literal["done", "refused"] = "done") -> None:
        """This release's consumer takes the next reply."""
        self._replied[saga_id] += 1
        headers = {"subject": str(saga_id), "sequence": self._replied[saga_id]}
        properties = {"message_id": str(new_id()), "app_id": STAFF, "type": "Reply", "application_headers": headers}
        reply = Reply(saga_id=saga_id, step=step, attempt=1, outcome=outcome)
        at = self.store.positions.read(REPLIES)
        offset = 0 if at.last_offset is None else at.last_offset + 1
        delivery = Delivery(properties, encode(reply), offset + 1, offset)
        self._applier.apply(REPLIES, [delivery], Position(0, at.last_offset, at.last_message_id))

    def retry(self) -> None:
        """Tries what is held, as if its time had come."""
        self.database.execute("UPDATE parked_message SET retry_at = now()")
        self._applier.begin(REPLIES)
        self._applier.retry(REPLIES, self.store.positions.read(REPLIES))

    def silence(self) -> int:
        """The time of all sagas is up. Returns how many are taken up."""
        self.database.execute("UPDATE saga SET due_at = now() WHERE due_at IS NOT NULL")
        with transaction(self.database, HOTEL, causation_of(None, None, None), False) as tx:
            return time_out(self.orchestrator, tx)

    def status(self, saga_id: UUID) -> str:
        [(status,)] = self.database.execute("SELECT status FROM saga WHERE saga_id = %s", (saga_id,)).fetchall()
        return str(status)

    def asked(self, saga_id: UUID) -> list[str]:
        """Returns the commands that were sent for a saga."""
        sent = self.database.execute("SELECT type FROM outbox WHERE subject = %s ORDER BY id", (str(saga_id),))
        return [kind for (kind,) in sent.fetchall()]

    def close(self) -> None:
        for thing in (self._notifier, self.store, self.database):
            thing.close()
