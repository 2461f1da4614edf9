"""Applies one batch of a log's messages: judges each, applies it or holds it, notes and counts what has come of it.

This is the whole policy, for any database: `BatchWork` says what a database does for it.
"""

from collections.abc import Callable, Sequence

from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.due import LOOKED_AT_ONCE, choose, in_time
from infirmary.consumer.log_rules import LogRules, closed_by, given_out_twice
from infirmary.consumer.parked import ParkedMessage
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import NumberGivenOutTwice, Sequences, Verdict
from infirmary.consumer.store import BatchWork
from infirmary.handlers import LeftToAnother
from infirmary.transport.envelope import Incoming, MalformedMessage


class Batch:
    """One transaction's work on one log.

    Attributes:
        counts: What it has done; certain once the transaction is.
    """

    def __init__(
        self,
        work: BatchWork,
        rules: LogRules,
        position: Position,
        handles: Callable[[Incoming], bool],
        is_transient: Callable[[BaseException], bool],
        *,
        one_by_one: bool,
        some_held: bool,
    ) -> None:
        """Prepares the work.

        Args:
            work: The transaction.
            rules: What holds for the log.
            position: Where its reader stands.
            handles: Says whether the service handles a message's type.
            is_transient: Says whether an error passes by itself.
            one_by_one: Whether the message that fails can be told from the others.
            some_held: Whether messages may be held that wait for one that is applied here.
        """
        self._work, self._rules, self._position, self._handles = work, rules, position, handles
        self._is_transient, self._one_by_one, self._some_held = is_transient, one_by_one, some_held
        self._sequences: Sequences = rules.sequences({})
        self._changed: set[str] = set()
        self.counts = BatchCounts(rules.channel)

    def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Applies deliveries in their order and moves the offset behind the last."""
        messages = [delivery.message for delivery in deliveries]
        self._begin([message for message in messages if isinstance(message, Incoming)], deliveries[-1])
        for delivery in deliveries:
            self._one(delivery)
        self._finish()

    def retry(self, at_most: int, until: float) -> None:
        """Tries held messages whose turn has come.

        Args:
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.
        """
        parked = self._work.parked
        looked_at = [self._rules.as_expected(due) for due in parked.look(self._rules.channel, LOOKED_AT_ONCE, at_most)]
        choice = choose(looked_at, at_most)
        parked.postpone(choice.early)
        held_now = parked.take(choice.tried)
        self._begin([message for message in (held.readable() for held in held_now) if message is not None], None)
        for held in in_time(held_now, until):
            self._retry(held)
        self._finish()

    def _begin(self, messages: Sequence[Incoming], last: Delivery | None) -> None:
        self._sequences = self._rules.sequences(dict(self._work.begin(messages, self._position, last)))

    def _finish(self) -> None:
        changed = {subject: self._sequences.last[subject] for subject in sorted(self._changed)}
        self._work.finish(changed, wake=self._some_held)

    def _one(self, delivery: Delivery) -> None:
        message = delivery.message
        try:
            if isinstance(message, MalformedMessage):
                raise message
            with self._work.alone():
                verdict, closed = self._judge_and_apply(message)
        except (MalformedMessage, NumberGivenOutTwice) as wrong:
            self._hold(delivery, wrong)
        except Exception as error:
            self._hold(delivery, error, is_put_off=self._is_put_off(error))
        else:
            self._note(message, verdict, closed)
            if verdict is Verdict.WAIT:
                self._hold(delivery, None)

    def _retry(self, held: ParkedMessage) -> None:
        message = None
        try:
            message = held.message()
            with self._work.alone():
                verdict, closed = self._judge_and_apply(message, is_no_duplicate=self._rules.is_no_duplicate(held))
        except Exception as error:  # whatever a handler raises is kept with its message
            is_put_off = not isinstance(error, MalformedMessage) and self._is_put_off(error)
            if message is not None:
                self._wait_for(message)
            if is_put_off:
                self._work.parked.put_off(held)
                self.counts.put_off(error, is_new=False)
                return
            error = held.failing_with(error)
            self._work.parked.failed_again(held, error)
            self.counts.failed_again(held.error, error, held.readable(), held.message_id)
            if message is not None:
                self._go_on_behind(message, error)
            return
        self._note(message, verdict, closed)
        if verdict is not Verdict.WAIT:
            self._work.parked.release(held)

    def _is_put_off(self, error: BaseException) -> bool:
        """Says whether a message is put off for an error, and raises it if it is not this one message's affair."""
        if not self._one_by_one:
            raise error
        is_put_off = isinstance(error, LeftToAnother) or self._work.is_put_off(error)
        if not is_put_off and self._is_transient(error):
            raise error
        return is_put_off

    def _judge_and_apply(self, message: Incoming, *, is_no_duplicate: bool = False) -> tuple[Verdict, int]:
        """Applies a message if it is its turn.

        Args:
            message: The message.
            is_no_duplicate: Whether it is known to be none although its sequence was passed.

        Returns:
            What it was judged to be, and how many parked commands it has closed.

        Raises:
            NumberGivenOutTwice: Another message with its number was applied.
            Exception: Whatever its handler raises.
        """
        if self._rules.is_state(message):
            return self._judge_and_apply_state(message), 0
        closed: list[ParkedMessage] = []
        verdict = self._rules.judge(self._sequences, message)
        if verdict is Verdict.WAIT and self._rules.of_commands:
            last = self._sequences.last_of(message.subject)
            closed = closed_by(message, last, self._work.parked.of_subject(self._rules.channel, message.subject))
            verdict = Verdict.APPLY if closed else verdict
        elif verdict in (Verdict.DUPLICATE, Verdict.GIVEN_OUT_TWICE) and is_no_duplicate:
            verdict = Verdict.APPLY
        elif verdict is Verdict.GIVEN_OUT_TWICE:
            raise given_out_twice(message, self._sequences.last[message.subject])
        if verdict is Verdict.APPLY:
            self._work.apply(message)
        for held in closed:  # only now that nothing of their compensation has failed
            self._work.parked.release(held)
        return verdict, len(closed)

    def _judge_and_apply_state(self, message: Incoming) -> Verdict:
        some_held = self._some_held or self.counts.held_messages > 0
        held = self._work.parked.of_subject(self._rules.channel, message.subject) if some_held else []
        others = [each for each in held if each.message_id != message.message_id]
        verdict = self._rules.judge_state(self._sequences, message, others)
        if verdict is Verdict.APPLY:
            self._work.apply(message)
        return verdict

    def _note(self, message: Incoming, verdict: Verdict, closed: int) -> None:
        """Notes what has come of a message, once nothing of it can fail any more."""
        if verdict is Verdict.APPLY:
            if not (self._rules.is_state(message) and (message.state or 0) > 1):  # those that belong with it follow
                self._pass(message)
            self.counts.closed += closed
            if self._handles(message):
                self.counts.applied(message)
            else:
                self.counts.passed(message.type)
        elif verdict is Verdict.DUPLICATE:
            self.counts.duplicate(is_state=self._rules.is_state(message))
            if message.ends and self._sequences.ended_again(message.subject, message.sequence or 0):
                self._changed.add(message.subject)
        elif verdict is Verdict.FORGOTTEN:
            self.counts.duplicate(is_state=True)
            if message.state == 1:
                self._pass(message)

    def _hold(self, delivery: Delivery, error: BaseException | None, *, is_put_off: bool = False) -> None:
        self._work.parked.hold(self._rules.channel, delivery, error, is_put_off=is_put_off)
        message = delivery.message
        if isinstance(message, Incoming):
            self._wait_for(message)
            self._go_on_behind(message, error)
        if is_put_off and error is not None:
            self.counts.put_off(error, is_new=True)
        else:
            self.counts.held(error, message if isinstance(message, Incoming) else None, delivery.identity)

    def _wait_for(self, message: Incoming) -> None:
        """Lets what follows wait for a message that is held, of a subject that may begin with it."""
        if self._rules.has_place(message) and self._sequences.starts_late(message.subject):
            self._pass(message, before=True)

    def _go_on_behind(self, message: Incoming, error: BaseException | None) -> None:
        """Lets later messages of a saga pass one that cannot be read: the saga asks again, or undoes the step."""
        if (
            isinstance(error, MalformedMessage)
            and self._rules.of_commands
            and self._rules.has_place(message)
            and self._rules.judge(self._sequences, message) is Verdict.APPLY
        ):
            self._pass(message)

    def _pass(self, message: Incoming, *, before: bool = False) -> None:
        sequence = (message.sequence or 0) - before
        if self._rules.numbered and (
            message.subject not in self._sequences.last or sequence > self._sequences.last_of(message.subject)
        ):
            if before or self._rules.is_state(message):  # the message with that number is another one
                self._sequences.passed(message.subject, sequence, ends=message.ends and not before)
            else:
                self._sequences.applied(message.subject, sequence, message.message_id, ends=message.ends)
            self._changed.add(message.subject)
