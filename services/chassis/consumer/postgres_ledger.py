"""The ledger of a service with a PostgreSQL database."""

import logging
from collections.abc import Callable, Sequence

from services.chassis import metrics
from services.chassis.cause import cause_of
from services.chassis.consumer import parking
from services.chassis.consumer.applying import Applier
from services.chassis.consumer.crash_points import CrashPoints
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.inbox_batch import InboxBatch
from services.chassis.consumer.ledger import ReaderReplaced
from services.chassis.consumer.log_batch import LogBatch
from services.chassis.consumer.position import Position
from services.chassis.database import READER_SESSION, connect, is_transient
from services.chassis.nudge import Nudger
from services.chassis.settings import Settings
from services.chassis.transaction import Query, Transaction, transaction

log = logging.getLogger(__name__)

_FORGET_INBOX_EVERY_TURNS = 3600

_LOOK_AT_SAGAS = """
SELECT EXISTS (SELECT FROM saga WHERE due_at <= statement_timestamp()),
       (SELECT count(*) FROM saga WHERE status = 'parked')
"""


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
        self._reached = CrashPoints(settings.consumer_crash_point, settings.consumer_crash_file).reached
        self._held: dict[str, int] = {}
        self._turns = 0

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        return is_transient(error)

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log, by an advisory lock of this session."""
        owned = self._query.value(
            "SELECT pg_try_advisory_lock(hashtextextended(%(key)s, 0))", key=f"infirmary:reader:{log}"
        )
        return bool(owned)

    def position(self, log: str) -> Position:
        """Returns how far a log was read."""
        self._query.value("INSERT INTO log_reader (log) VALUES (%(log)s) ON CONFLICT DO NOTHING RETURNING log", log=log)
        found = self._query.one(
            Position, "SELECT first_offset, last_offset, last_message_id FROM log_reader WHERE log = %(log)s", log=log
        )
        return found or Position()

    def offsets(self) -> dict[str, int | None]:
        """Returns the stored offset of every log that was ever read.

        Asked once a turn, which also keeps the session from being ended for its idleness.
        """
        return dict(self._connection.execute("SELECT log, last_offset FROM log_reader").fetchall())

    def start_over(self, log: str) -> Position:
        """Forgets how far a log was read, keeping what is known of its subjects."""
        self._connection.execute(
            "UPDATE log_reader SET first_offset = NULL, last_offset = NULL, last_message_id = NULL WHERE log = %s",
            (log,),
        )
        return Position()

    def apply_log(self, log: str, deliveries: Sequence[Delivery], position: Position) -> Position:
        """Applies deliveries of a log in their order and moves its offset behind the last."""

        def work(tx: Transaction, careful: bool) -> int:
            batch = LogBatch(tx, self._applier, log, position, careful)
            batch.apply(deliveries)
            return batch.held

        metrics.BATCH.labels(log).observe(len(deliveries))
        self._note_held(log, self._twice(log, work))
        last = deliveries[-1]
        metrics.POSITION.labels(log).set(last.offset or 0)
        return Position(position.first_offset, last.offset, last.identity)

    def apply_inbox(self, queue: str, deliveries: Sequence[Delivery]) -> None:
        """Applies commands and replies that are not in the inbox yet."""
        some_held = self._count_held(queue) > 0

        def work(tx: Transaction, careful: bool) -> int:
            batch = InboxBatch(tx, self._applier, queue, careful, some_held)
            batch.apply(deliveries)
            return batch.held

        metrics.BATCH.labels(queue).observe(len(deliveries))
        self._note_held(queue, self._twice(queue, work))

    def retry_held(self, channel: str) -> bool:
        """Tries what is parked or waits in a channel and is due. Returns whether something was applied."""
        if self._count_held(channel) == 0:
            return False

        def work(tx: Transaction) -> int:
            if channel.endswith(".events"):
                return LogBatch(tx, self._applier, channel, self.position(channel), careful=True).retry()
            return InboxBatch(tx, self._applier, channel, careful=True, some_held=True).retry()

        settled = self._transact(work, pipelined=False)
        # Counted anew each time: an operator may have discarded some by hand.
        self._held[channel] = parking.count(self._query, channel)
        metrics.HELD.labels(channel).set(self._held[channel])
        return settled > 0

    def tend(self) -> None:
        """Takes up sagas whose participants are silent; now and then forgets old inbox rows and idempotency keys."""
        orchestrator = self._applier.orchestrator
        if orchestrator is not None:
            due, parked = self._connection.execute(_LOOK_AT_SAGAS).fetchone() or (False, 0)
            metrics.SAGAS_PARKED.set(parked)
            if due:
                metrics.SAGA_TIMEOUTS.inc(self._transact(orchestrator.time_out, pipelined=False))
        self._turns += 1
        if self._turns % _FORGET_INBOX_EVERY_TURNS == 1:
            self._forget_old_rows()

    def close(self) -> None:
        """Ends the connection, and with it the ownership of all logs."""
        self._connection.close()

    def _forget_old_rows(self) -> None:
        self._connection.execute(
            """DELETE FROM inbox WHERE ctid = ANY(ARRAY(
                   SELECT ctid FROM inbox WHERE received_at < statement_timestamp() - make_interval(days => %s)
                   LIMIT 50000))""",
            (self._settings.inbox_days,),
        )
        self._connection.execute(
            "DELETE FROM idempotency_key WHERE created_at < statement_timestamp() - interval '7 days'"
        )

    def _twice(self, channel: str, work: Callable[[Transaction, bool], int]) -> int:
        """Runs a batch in the quick way; if a message fails, runs it again with a savepoint for each."""
        try:
            return self._transact(lambda tx: work(tx, False))
        except ReaderReplaced:
            raise
        except Exception as error:
            if is_transient(error):
                metrics.ROLLED_BACK.labels(channel).inc()
                raise
            log.warning("a message of %s fails, its batch is applied one by one: %s", channel, parking.describe(error))
        return self._transact(lambda tx: work(tx, True), pipelined=False)

    def _transact(self, work: Callable[[Transaction], int], pipelined: bool = True) -> int:
        with transaction(self._connection, self._service, cause_of(None, None, None), pipelined) as tx:
            result = work(tx)
            self._reached("before_commit")
        self._reached("after_commit")
        if tx.wrote_messages:
            self._nudger.nudge()
        return result

    def _count_held(self, channel: str) -> int:
        if channel not in self._held:
            self._held[channel] = parking.count(self._query, channel)
        return self._held[channel]

    def _note_held(self, channel: str, more: int) -> None:
        self._held[channel] = self._count_held(channel) + more
        metrics.HELD.labels(channel).set(self._held[channel])
