"""The store of a service with a PostgreSQL database."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final, LiteralString, TypeVar

import psycopg

from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.crash_points import CrashPoints
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.due import TRIED_AT_ONCE
from infirmary.consumer.held_now import HeldNow
from infirmary.consumer.store import BatchWork, IdentityRefused
from infirmary.postgres.database import READER_SESSION, connect, is_transient
from infirmary.postgres.forgetting import Forgetting
from infirmary.postgres.incarnation import check_not_set_back
from infirmary.postgres.locks import is_lock
from infirmary.postgres.notify import Notifier
from infirmary.postgres.parked import PostgresParked
from infirmary.postgres.positions import PostgresPositions, identity_of
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.sagas.timers import time_out
from infirmary.postgres.sagas.watch import SagaWatch
from infirmary.postgres.session import reader_session_in
from infirmary.postgres.transaction import Query, Transaction, transaction
from infirmary.postgres.work import PostgresWork
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from infirmary.tracing.tracer import NO_TRACER, Tracer
from infirmary.transport.log_names import logs_of_access

T = TypeVar("T")

_DEADLOCKS_IN_A_ROW: Final = 3

_SOME_ARE_DUE: Final[LiteralString] = "SELECT EXISTS (SELECT FROM saga WHERE due_at <= statement_timestamp())"


class PostgresStore:
    """Works on one connection, which also holds the locks on the logs.

    Attributes:
        positions: How far the logs were read.
    """

    def __init__(
        self,
        service: str,
        settings: Settings,
        dispatcher: Dispatcher,
        notifier: Notifier,
        orchestrator: Orchestrator | None = None,
        tracer: Tracer = NO_TRACER,
        beside: str = "",
    ) -> None:
        """Connects.

        Args:
            service: Whose database it is.
            settings: Where it is.
            dispatcher: What the service does with its messages.
            notifier: Wakes the relay.
            orchestrator: What carries the service's own sagas on.
            tracer: The process's.
            beside: The schema of a read model that is filled beside the one in use.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        self._service, self._dispatcher, self._notifier = service, dispatcher, notifier
        # A Session asks for the answer to each statement: how many rows it has met, and which.
        self._pipelined = not dispatcher.handlers.with_session
        self._options = settings.write_options(tracer)
        role, options = ("rebuild", reader_session_in(beside)) if beside else ("consumer", READER_SESSION)
        self._connection = connect(settings, f"{service}/{role}", options)
        self._query = Query(self._connection)
        self._parked = PostgresParked(self._query)
        self._orchestrator = orchestrator
        self._sagas = SagaWatch(self._query, self._orchestrator.sagas.newest if self._orchestrator else ())
        to_peers = [*dispatcher.logs_to_peers(), *logs_of_access(service, settings.access_recorded_by)]
        self._forgetting = Forgetting(self._connection, to_peers, settings.saga_sequence_days)
        self._reached = CrashPoints(settings.consumer_crash_point, settings.consumer_crash_file).reached
        self.positions = PostgresPositions(self._connection, beside)

    def transact(self, log: str, work: Callable[[BatchWork], BatchCounts], *, one_by_one: bool) -> BatchCounts:
        """Does a batch's work in one transaction.

        In the quick way it is done again at once when it has met the reader of another part: a new session would lose
        all parts.
        """

        def in_transaction(tx: Transaction) -> BatchCounts:
            some_answered = self.positions.some_answered
            return work(
                PostgresWork(
                    tx, self._dispatcher, self._orchestrator, log, one_by_one=one_by_one, some_answered=some_answered
                )
            )

        for _ in range(0 if one_by_one else _DEADLOCKS_IN_A_ROW):
            try:
                return self._commit(in_transaction, pipelined=self._pipelined)
            except psycopg.errors.DeadlockDetected:
                self._dispatcher.series.of(log).rolled_back.inc()
        return self._commit(in_transaction, pipelined=self._pipelined and not one_by_one)

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        return is_transient(error)

    def is_lock(self, error: BaseException) -> bool:
        """Says whether it was a lock of somebody else's that kept a batch, so that its messages are tried alone."""
        return is_lock(error) and not self._connection.closed

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
        check_not_set_back(self._connection)

    def tend(self) -> None:
        """Takes up sagas whose participants are silent."""
        if self._orchestrator is None:
            return
        if self._query.value(_SOME_ARE_DUE):
            self._commit(partial(time_out, self._orchestrator), pipelined=False)
        self._sagas.look()

    def forget_old(self, logs: Collection[str], at_most: int) -> Mapping[str, int]:
        """Forgets the sequences of sagas that are long over, at most so many of each table; the API forgets its own."""
        return self._forgetting.forget(logs, at_most)

    def identity(self) -> str:
        """Returns what tells this database from any other that a service of the same name may have.

        Raises:
            IdentityRefused: The service's role may not look at it.
        """
        try:
            return identity_of(self._query)
        except psycopg.errors.InsufficientPrivilege as refused:
            raise IdentityRefused(str(refused)) from refused

    def close(self) -> None:
        """Ends the connection, and with it the ownership of all logs."""
        self._connection.close()

    def _commit(self, work: Callable[[Transaction], T], *, pipelined: bool) -> T:
        cause = causation_of(None, None, None, tracer=self._options.tracer)
        with transaction(self._connection, self._service, cause, pipelined, self._options) as tx:
            result = work(tx)
            self._reached("before_commit")
        self._reached("after_commit")
        if tx.wrote_messages:
            self._notifier.notify()
        return result
