"""The ledger of a service with a PostgreSQL database."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, LiteralString, TypeVar

import psycopg

from services.chassis import metrics
from services.chassis.cause import cause_of
from services.chassis.consumer import due, parking
from services.chassis.consumer.applying import Applier
from services.chassis.consumer.batch_counts import BatchCounts
from services.chassis.consumer.crash_points import CrashPoints
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.failure import describe
from services.chassis.consumer.held_counts import HeldCounts
from services.chassis.consumer.hindrance import is_hindrance
from services.chassis.consumer.inbox_batch import InboxBatch
from services.chassis.consumer.ledger import ReaderReplaced
from services.chassis.consumer.log_batch import LogBatch
from services.chassis.consumer.position import Position
from services.chassis.consumer.postgres_positions import PostgresPositions, identity_of
from services.chassis.consumer.series import series_of, timed
from services.chassis.database import READER_SESSION, connect, is_transient
from services.chassis.log_parts import is_log
from services.chassis.nudge import Nudger
from services.chassis.saga.measured import SagaWatch
from services.chassis.settings import Settings
from services.chassis.transaction import Query, Transaction, transaction

T = TypeVar("T")

log = logging.getLogger(__name__)

_DEADLOCKS_IN_A_ROW = 3

_HINDERED_FOR_S = 6.0
"""For so long after a message has met a lock all are applied one by one: a batch would wait for the lock again."""

FORGET: Final[dict[str, LiteralString]] = {
    # Rows that somebody holds are left for the next time: nobody ever waits for this.
    "inbox": """
        DELETE FROM inbox WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM inbox WHERE received_at < statement_timestamp() - make_interval(days => %s)
            ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED))""",
}

_SOME_ARE_DUE: Final[LiteralString] = "SELECT EXISTS (SELECT FROM saga WHERE due_at <= statement_timestamp())"


class PostgresLedger:
    """Applies messages on one connection, which also holds the locks on the logs."""

    def __init__(self, service: str, settings: Settings, applier: Applier, nudger: Nudger) -> None:
        """Connects.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        self._service, self._settings, self._applier, self._nudger = service, settings, applier, nudger
        self._connection = connect(settings, f"{service}/consumer", READER_SESSION)
        self._query = Query(self._connection)
        self._positions = PostgresPositions(self._connection)
        self._sagas = SagaWatch(self._query, applier.orchestrator.sagas.values() if applier.orchestrator else ())
        self._hindered_until = 0.0
        self._reached = CrashPoints(settings.consumer_crash_point, settings.consumer_crash_file).reached
        self._held = HeldCounts(
            lambda channel: parking.count(self._query, channel), lambda channel: parking.missing(self._query, channel)
        )

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        return is_transient(error)

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log."""
        if self._positions.owns(log):
            return True
        if not self._positions.own(log):
            return False
        self._held.forget(log)  # another reader may have added some
        return True

    def let_go(self, log: str) -> None:
        """Stops being the reader of a log, if this one is."""
        self._positions.let_go(log)

    def rank(self) -> tuple[int, int]:
        """Returns this session's place among those that read parts of logs, and how many there are."""
        return self._positions.rank()

    def note_log(self, log: str) -> None:
        """Notes that there is a log, or a part of one."""
        self._positions.note(log)

    def position(self, log: str) -> Position:
        """Returns how far a log was read."""
        return self._positions.position(log)

    def offsets(self) -> dict[str, int | None]:
        """Returns the stored offset of every log that was ever read."""
        return self._positions.offsets()

    def start_over(self, log: str) -> Position:
        """Forgets how far a log was read, keeping what is known of its subjects."""
        return self._positions.start_over(log)

    def apply_log(self, log: str, deliveries: Sequence[Delivery], position: Position) -> Position:
        """Applies deliveries of a log in their order and moves its offset behind the last."""

        def work(tx: Transaction, careful: bool) -> BatchCounts:
            batch = LogBatch(tx, self._applier, log, position, careful, some_held)
            batch.apply(deliveries)
            return batch.counts

        some_held = self._held.of(log) > 0
        with timed(log, len(deliveries)):
            counts = self._twice(log, work)
        self._note(log, counts)
        last = deliveries[-1]
        metrics.POSITION.labels(log).set(last.offset or 0)
        return replace(position, last_offset=last.offset, last_message_id=last.identity)

    def apply_inbox(self, queue: str, deliveries: Sequence[Delivery]) -> None:
        """Applies commands and replies that are not in the inbox yet."""

        def work(tx: Transaction, careful: bool) -> BatchCounts:
            batch = InboxBatch(tx, self._applier, queue, careful)
            batch.apply(deliveries)
            return batch.counts

        with timed(queue, len(deliveries)):
            counts = self._twice(queue, work)
        self._note(queue, counts)

    def retry_held(self, channel: str, at_most: int = 100, until: float = math.inf) -> int:
        """Tries what is parked or waits in a channel and is due. Returns how many need nothing more."""
        if self._held.of(channel) == 0:
            return 0

        some_failed = due.some_due_failed(self._query, channel)
        settled = 0
        if some_failed is not None:
            retry = self._retry_log if is_log(channel) else self._retry_inbox
            counts = retry(channel, some_failed, at_most, until)
            self._tell(counts)
            settled = counts.settled
        self._held.changed(channel, -settled)
        return settled

    def holds(self, channel: str) -> bool:
        """Says whether messages of a channel are parked or wait."""
        return self._held.of(channel) > 0

    def _retry_inbox(self, queue: str, _some_failed: bool, at_most: int, until: float) -> BatchCounts:
        def work(tx: Transaction) -> BatchCounts:
            batch = InboxBatch(tx, self._applier, queue, careful=True)
            batch.retry(at_most, until)
            return batch.counts

        return self._transact(work, pipelined=False)

    def _retry_log(self, log: str, some_failed: bool, at_most: int, until: float) -> BatchCounts:
        position = self.position(log)

        def work(tx: Transaction, careful: bool) -> BatchCounts:
            batch = LogBatch(tx, self._applier, log, position, careful, some_held=True)
            batch.retry(at_most, until)
            return batch.counts

        if some_failed:
            return self._transact(lambda tx: work(tx, True), pipelined=False)
        return self._twice(log, work)

    def tend(self) -> None:
        """Takes up sagas whose participants are silent."""
        self._held.forget_few(f"{self._service}.inbox")  # another pod may be the active one, and have held some
        orchestrator = self._applier.orchestrator
        if orchestrator is not None:
            if self._query.value(_SOME_ARE_DUE):
                self._transact(orchestrator.time_out, pipelined=False)
            self._sagas.look()

    def forget_old(self, at_most: int) -> Mapping[str, int]:
        """Forgets inbox rows that are too old, at most so many; the API forgets its own."""
        return {
            table: self._connection.execute(statement, (self._settings.inbox_days, at_most)).rowcount
            for table, statement in FORGET.items()
        }

    def identity(self) -> str:
        """Returns what tells this database from any other that a service of the same name may have."""
        return identity_of(self._query)

    def close(self) -> None:
        """Ends the connection, and with it the ownership of all logs."""
        self._connection.close()

    def _twice(self, channel: str, work: Callable[[Transaction, bool], BatchCounts]) -> BatchCounts:
        """Runs a batch in the quick way; if a message fails or meets a lock, again with a savepoint for each."""
        try:
            if time.monotonic() < self._hindered_until:
                return self._transact(lambda tx: work(tx, True), pipelined=False)
            return self._despite_deadlocks(channel, lambda tx: work(tx, False))
        except ReaderReplaced:
            raise
        except Exception as error:
            if is_transient(error):
                series_of(channel).rolled_back.inc()
                if not is_hindrance(error) or self._connection.closed:
                    raise
            log.warning("a message of %s fails, its batch is applied one by one: %s", channel, describe(error))
        return self._transact(lambda tx: work(tx, True), pipelined=False)

    def _despite_deadlocks(self, channel: str, work: Callable[[Transaction], T]) -> T:
        """Runs a batch again at once when it has met the reader of another part: a new session would lose all parts."""
        for _ in range(_DEADLOCKS_IN_A_ROW):
            try:
                return self._transact(work)
            except psycopg.errors.DeadlockDetected:
                series_of(channel).rolled_back.inc()
        return self._transact(work)

    def _transact(self, work: Callable[[Transaction], T], pipelined: bool = True) -> T:
        cause, chosen = cause_of(None, None, None), self._settings
        with transaction(
            self._connection, self._service, cause, pipelined, chosen.log_parts, chosen.message_max_bytes
        ) as tx:
            result = work(tx)
            self._reached("before_commit")
        self._reached("after_commit")
        if tx.wrote_messages:
            self._nudger.nudge()
        return result

    def _tell(self, counts: BatchCounts) -> None:
        if counts.hindered:
            self._hindered_until = time.monotonic() + _HINDERED_FOR_S
        counts.tell()

    def _note(self, channel: str, counts: BatchCounts) -> None:
        self._tell(counts)
        if held := counts.held_messages:
            self._held.changed(channel, held)
