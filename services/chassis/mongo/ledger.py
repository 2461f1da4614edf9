"""The ledger of a service with a MongoDB database.

There is no transaction over several documents here; what makes a batch whole is the order of its writes: first the
effects, one document each; then how far each subject has come, and what had to be held; last the offset, or the
acknowledgement. Every write may be done again without effect: an effect's `_id` is its cause, sequences only grow, a
message is held once. So whatever a crash leaves out is done by the repetition, and what was done before is found done.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from uuid import UUID

import pymongo
from pymongo.errors import PyMongoError

from services.chassis import metrics
from services.chassis.consumer.applying import Applier, follow, work_on
from services.chassis.consumer.batch_counts import BatchCounts
from services.chassis.consumer.crash_points import CrashPoints
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.failure import describe
from services.chassis.consumer.held_counts import HeldCounts
from services.chassis.consumer.position import Position
from services.chassis.consumer.series import series_of, timed
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.log_parts import is_log
from services.chassis.mongo import participant
from services.chassis.mongo.documents import documents_of
from services.chassis.mongo.effects import Effects
from services.chassis.mongo.identity import identity_of
from services.chassis.mongo.inbox_batch import InboxBatch
from services.chassis.mongo.log_batch import LogBatch
from services.chassis.mongo.log_positions import LogPositions
from services.chassis.mongo.parking import HeldMessages
from services.chassis.mongo.sharing import Sharing
from services.chassis.mongo.storage import connect, is_transient, now
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.settings import Settings
from services.chassis.spans import SPANS

_GOODBYE_WITHIN_S = 2.0

_log = logging.getLogger(__name__)


class MongoLedger:
    """Applies messages; owns logs by leases."""

    def __init__(self, service: str, settings: Settings, applier: Applier, holder: UUID) -> None:
        """Connects.

        Args:
            service: Whose database it is.
            settings: Where it is.
            applier: What the service does with its messages.
            holder: Names the process; its next session goes on with the leases of this one.

        Raises:
            pymongo.errors.PyMongoError: The database does not answer.
        """
        self._service, self._applier, self._log_parts = service, applier, settings.log_parts
        self._message_max_bytes = settings.message_max_bytes
        self._client = connect(settings, f"{service}/consumer")
        self._database = self._client.get_default_database()
        self._documents = self._database[documents_of(service).collection]
        self._positions = LogPositions(self._database, holder)
        self._sharing = Sharing(self._database, holder)
        self._crash_points = CrashPoints(settings.consumer_crash_point, settings.consumer_crash_file)
        self._held = HeldCounts(
            lambda channel: HeldMessages(self._database, channel).count(),
            lambda channel: HeldMessages(self._database, channel).missing(),
        )
        now(self._database)

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        return is_transient(error)

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log, by a lease."""
        if not self._positions.owns(log):
            self._held.forget(log)  # another reader may have added some
        return self._positions.own(log)

    def let_go(self, log: str) -> None:
        """Stops being the reader of a log, if this one is."""
        self._positions.let_go(log)

    def rank(self) -> tuple[int, int]:
        """Returns the place of this process among those that read parts of logs, and how many there are."""
        return self._sharing.rank()

    def note_log(self, log: str) -> None:
        """Notes that there is a log, or a part of one."""
        self._positions.note(log)

    def position(self, log: str) -> Position:
        """Returns how far a log was read."""
        return self._positions.read(log)

    def offsets(self) -> dict[str, int | None]:
        """Returns the stored offset of every log that was ever read."""
        return self._positions.offsets()

    def start_over(self, log: str) -> Position:
        """Forgets how far a log was read, keeping what is known of its subjects."""
        return self._positions.start_over(log)

    def apply_log(self, log: str, deliveries: Sequence[Delivery], position: Position) -> Position:
        """Applies deliveries of a log in their order and then moves its offset behind the last."""
        some_held = self._held.of(log) > 0
        with timed(log, len(deliveries)):
            batch = self._applied(log, deliveries, position, some_held)
            moved = self._positions.move(log, position, deliveries[-1])
        self._note(log, batch.counts)
        metrics.POSITION.labels(log).set(moved.last_offset or 0)
        return moved

    def _applied(self, log: str, deliveries: Sequence[Delivery], position: Position, some_held: bool) -> LogBatch:
        """Writes the effects of a batch; one by one, if one of them cannot be written."""
        batch = self._log_batch(log, position, careful=False, some_held=some_held)
        try:
            batch.apply(deliveries)
        except Exception as error:
            if is_transient(error):
                series_of(log).rolled_back.inc()
                raise
            _log.warning("an effect of %s cannot be written, its batch is applied one by one: %s", log, describe(error))
            batch = self._log_batch(log, position, careful=True, some_held=some_held)
            batch.apply(deliveries)
        return batch

    def apply_inbox(self, queue: str, deliveries: Sequence[Delivery]) -> None:
        """Applies commands that were not applied yet, and answers each attempt once."""
        batch = self._inbox_batch(queue, self._held.of(queue) > 0)
        try:
            with timed(queue, len(deliveries)):
                batch.apply(deliveries)
        except PyMongoError:
            series_of(queue).rolled_back.inc()
            raise
        finally:
            self._note(queue, batch.counts)

    def retry_held(self, channel: str, at_most: int = 100, until: float = math.inf) -> int:
        """Tries what is parked or waits in a channel and is due. Returns how many need nothing more."""
        if self._held.of(channel) == 0:
            return 0
        batch: LogBatch | InboxBatch
        if is_log(channel):
            batch = self._log_batch(channel, self.position(channel), careful=True, some_held=True)
        else:
            batch = self._inbox_batch(channel, some_held=True)
        batch.retry(at_most, until)
        batch.counts.tell()
        self._held.changed(channel, -batch.counts.settled)
        return batch.counts.settled

    def holds(self, channel: str) -> bool:
        """Says whether messages of a channel are parked or wait."""
        return self._held.of(channel) > 0

    def tend(self) -> None:
        """Renews the leases.

        Raises:
            ReaderReplaced: Another reader has taken a log.
        """
        self._held.forget_few(f"{self._service}.inbox")  # another pod may be the active one, and have held some
        self._positions.renew()

    def forget_old(self, at_most: int) -> Mapping[str, int]:  # noqa: ARG002 - as the protocol has it
        """Forgets nothing: here a command is remembered by the document that it caused, and that is the record."""
        return {}

    def identity(self) -> str:
        """Returns what tells this database from any other that a service of the same name may have."""
        return identity_of(self._database)

    def close(self) -> None:
        """Gives up the ownership of all logs and disconnects."""
        try:
            with pymongo.timeout(_GOODBYE_WITHIN_S):
                self._positions.release()
                self._sharing.leave()
        except PyMongoError:
            pass  # the leases run out by themselves
        finally:
            self._client.close()

    def _log_batch(self, log: str, position: Position, careful: bool, some_held: bool) -> LogBatch:
        effects = Effects(self._documents, self._transaction, self._applier, self._crash_points)
        held = HeldMessages(self._database, log)
        return LogBatch(self._database, held, effects, careful, position.beginning_expired, some_held)

    def _inbox_batch(self, queue: str, some_held: bool) -> InboxBatch:
        held = HeldMessages(self._database, queue)
        return InboxBatch(held, self._apply_command, self._apply_first, some_held)

    def _apply_first(self, messages: Sequence[Incoming]) -> set[UUID]:
        """Applies commands of sagas that differ in one write. Returns the ids of those that are applied."""
        asked = []
        for message in messages:
            tx = self._transaction(message)
            work_on(tx, message)
            follow(tx, message)
            try:
                command, handler = self._applier.command(message)
            except MalformedMessage:
                continue
            asked.append(participant.Asked(tx, command, handler))
        if not asked:
            return set()
        self._crash_points.reached("before_commit")
        applied = participant.answer_first(asked)
        self._crash_points.reached("after_commit")
        for each in asked:
            if each.tx.message_id in applied:
                SPANS.tell(each.tx.spans)
        return applied

    def _apply_command(self, message: Incoming) -> bool:
        tx = self._transaction(message)
        work_on(tx, message)
        follow(tx, message)
        command, handler = self._applier.command(message)
        self._crash_points.reached("before_commit")
        is_new = participant.answer(tx, command, handler)
        self._crash_points.reached("after_commit")
        if is_new:
            SPANS.tell(tx.spans)
        return is_new

    def _transaction(self, message: Incoming) -> MongoTransaction:
        return MongoTransaction(
            self._documents, self._service, message.message_id, self._log_parts, self._message_max_bytes
        )

    def _note(self, channel: str, counts: BatchCounts) -> None:
        counts.tell()
        if counts.held_messages:
            self._held.changed(channel, counts.held_messages)
