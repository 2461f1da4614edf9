"""The store of a service with a MongoDB database."""

from collections.abc import Callable, Collection, Mapping
from typing import Final
from uuid import UUID

import pymongo
from pymongo.errors import PyMongoError

from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.crash_points import CrashPoints
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.due import TRIED_AT_ONCE
from infirmary.consumer.held_now import HeldNow
from infirmary.consumer.store import BatchWork, ReaderReplaced
from infirmary.mongo.documents import documents_of
from infirmary.mongo.forgetting import forget
from infirmary.mongo.identity import identity_of
from infirmary.mongo.incarnation import check_not_set_back
from infirmary.mongo.parked import MongoParked
from infirmary.mongo.participant import OLD_INDEX, Answers
from infirmary.mongo.positions import MongoPositions
from infirmary.mongo.storage import connect, is_transient
from infirmary.mongo.transaction import MongoTransaction
from infirmary.mongo.work import MongoWork
from infirmary.mongo.writes import Writes
from infirmary.settings import Settings
from infirmary.tracing.tracer import NO_TRACER, Tracer
from infirmary.transport.envelope import Incoming

_GOODBYE_WITHIN_S: Final = 2.0


class MongoStore:
    """Applies messages; owns logs by leases.

    Attributes:
        positions: How far the logs were read.
    """

    def __init__(
        self, service: str, settings: Settings, dispatcher: Dispatcher, holder: UUID, tracer: Tracer = NO_TRACER
    ) -> None:
        """Connects.

        Args:
            service: Whose database it is.
            settings: Where it is.
            dispatcher: What the service does with its messages.
            holder: Names the process; its next session goes on with the leases of this one.
            tracer: The process's.

        Raises:
            pymongo.errors.PyMongoError: The database does not answer.
        """
        self._service, self._settings, self._dispatcher = service, settings, dispatcher
        self._options = settings.write_options(tracer)
        self._client = connect(settings, f"{service}/consumer")
        self._database = self._client.get_default_database()
        self._documents = self._database[documents_of(service).collection]
        self._some_are_old = OLD_INDEX in self._documents.index_information()
        self._parked = MongoParked(self._database)
        self._crash_points = CrashPoints(settings.consumer_crash_point, settings.consumer_crash_file)
        self.positions = MongoPositions(self._database, holder)

    def transact(self, log: str, work: Callable[[BatchWork], BatchCounts], *, one_by_one: bool) -> BatchCounts:
        """Does a batch's work; what a crash leaves out of it is done when it is repeated."""
        return work(
            MongoWork(
                self._database,
                self.positions,
                Writes(self._documents, self._crash_points),
                Answers(self._documents, some_are_old=self._some_are_old),
                self._transaction,
                self._dispatcher,
                self._options.tracer,
                log,
                one_by_one=one_by_one,
            )
        )

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        return isinstance(error, ReaderReplaced) or is_transient(error)

    def is_lock(self, error: BaseException) -> bool:  # noqa: ARG002 - as the protocol has it
        """Says no: nobody holds locks here."""
        return False

    def count(self, channel: str) -> HeldNow:
        """Returns how many messages of a log are held."""
        return self._parked.count(channel)

    def missing(self, channel: str) -> int:
        """Returns how many messages those of a log wait for."""
        return self._parked.missing(channel)

    def some_due_failed(self, channel: str) -> bool | None:
        """Says whether any of the held messages that are due has failed before; None if nothing is due."""
        return self._parked.some_due_failed(channel, TRIED_AT_ONCE)

    def check_incarnation(self) -> None:
        """Makes sure that the database is not marked as set back.

        Raises:
            DatabaseSetBack: It is.
        """
        check_not_set_back(self._database)

    def tend(self) -> None:
        """Renews the leases.

        Raises:
            ReaderReplaced: Another reader has taken a log.
        """
        self.positions.renew()

    def forget_old(self, logs: Collection[str], at_most: int) -> Mapping[str, int]:
        """Forgets the sequences of sagas that are long over; what was answered to them is forgotten beside the work."""
        return forget(self._database, logs, self._settings.saga_sequence_days, at_most)

    def identity(self) -> str:
        """Returns what tells this database from any other that a service of the same name may have."""
        return identity_of(self._database)

    def close(self) -> None:
        """Gives up the ownership of all logs and disconnects."""
        try:
            with pymongo.timeout(_GOODBYE_WITHIN_S):
                self.positions.release()
        except PyMongoError:
            pass  # the leases run out by themselves
        finally:
            self._client.close()

    def _transaction(self, message: Incoming) -> MongoTransaction:
        return MongoTransaction(self._service, message.message_id, self._options)
