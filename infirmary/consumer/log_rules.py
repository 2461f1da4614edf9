"""The rules for the messages of a log, of events or of commands. Pure."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pydantic_core import from_json

from infirmary.consumer.due import Due
from infirmary.consumer.parked import ParkedMessage
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Last, NumberGivenOutTwice, Sequences, Verdict
from infirmary.identifiers import time_of
from infirmary.messages import COMPENSATION_SUFFIX
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary.transport.log_names import carries_commands, writer_of

_DAY_S: Final = 86_400.0


class EarlierStateHeld(RuntimeError):
    """A state message may not be applied before those that belong with it and come before it."""


class LogRules:
    """The rules of one log.

    A message must be from the log's writer and have a sequence. In a log of commands and replies the subject is a saga,
    which asks again for what gets lost: so what cannot be read keeps no later message waiting, a compensation need not
    wait for the command that it undoes, and a saga that is older than anything the log may still hold may be met in
    its middle. A subject of any log may begin above 1 if its first messages can have been gone before this reader came.

    A state message stands for all that its subject had told before: it is for those who know nothing of that.

    What an inbox queue of the release before still holds has no sequences, and is applied as it comes.

    Attributes:
        channel: The log.
        of_commands: Whether it carries commands and replies.
        numbered: Whether its messages have sequences.
    """

    def __init__(self, channel: str, position: Position, kept_days: float) -> None:
        """Takes the rules.

        Args:
            channel: The log, or a part of it.
            position: Where its reader stands.
            kept_days: For how long the sequences of a saga are known here.
        """
        self.channel, self.of_commands = channel, carries_commands(channel)
        self._writer = writer_of(channel)
        self.numbered = self._writer is not None
        self._position, self._kept_s = position, kept_days * _DAY_S

    def sequences(self, last: dict[str, Last]) -> Sequences:
        """Returns what decides on messages, from the last ones applied of their subjects."""
        some_are_lost = self._position.loss is not None
        return Sequences(last, self._may_start_late, some_are_lost, time.time(), self._may_be_forgotten)

    def judge(self, sequences: Sequences, message: Incoming) -> Verdict:
        """Says what to do with a message.

        Raises:
            MalformedMessage: It does not belong in this log.
        """
        if not self.numbered:
            return Verdict.APPLY
        if message.source != self._writer or message.sequence is None:
            what = "a message" if self.of_commands else "an event"
            raise MalformedMessage(f"{what} in {self.channel} must have source {self._writer} and a sequence")
        return sequences.judge(message.subject, message.sequence, message.message_id)

    def is_state(self, message: Incoming) -> bool:
        """Says whether a message tells a subject's state again, and is no news."""
        return bool(message.state) and self.has_place(message) and not self.of_commands

    def judge_state(self, sequences: Sequences, message: Incoming, held: Sequence[ParkedMessage]) -> Verdict:
        """Says what to do with a state message.

        Args:
            sequences: How far its subject has come.
            message: The message.
            held: What else is held of its subject.

        Raises:
            EarlierStateHeld: One of the state messages that belong with it comes first, and has failed.
        """
        sequence = message.sequence or 0
        for each in held:
            if each.sequence == sequence and (each.properties.get("state") or 0) > (message.state or 0):
                raise EarlierStateHeld(
                    f"it is one of several messages that tell how {message.subject} is now, and waits for one before"
                    f" it, which has failed: {each.type}, held as {each.id}"
                )
        news = {each.sequence for each in held if each.sequence is not None and not each.properties.get("state")}
        return sequences.judge_state(message.subject, sequence, news)

    def has_place(self, message: Incoming | MalformedMessage) -> bool:
        """Says whether a message has a place in the order of its subject."""
        return (
            self.numbered
            and isinstance(message, Incoming)
            and message.source == self._writer
            and message.sequence is not None
        )

    def as_expected(self, due: Due) -> Due:
        """Returns a held message as the next one where its subject may be forgotten, so that nothing is before it.

        Its reader may have been told of that only after it came.
        """
        if self.of_commands or due.last or not due.sequence or not self._may_be_forgotten(due.subject or ""):
            return due
        return replace(due, last=due.sequence - 1)

    def is_no_duplicate(self, held: ParkedMessage) -> bool:
        """Says whether a held message is none although its number was passed: then it is applied when it is tried.

        A command that could not be read was passed, and one whose number was given out twice is tried only when an
        operator wants it to be applied.
        """
        return (self.of_commands and held.unreadable) or held.has_anothers_number

    def _may_start_late(self, subject: str) -> bool:
        began = time_of(subject)
        if self.of_commands and began is not None and time.time() - began > self._kept_s:
            return True
        return not self._position.has_all_of(began)

    def _may_be_forgotten(self, subject: str) -> bool:
        return self._position.may_have_forgotten(time_of(subject))


def given_out_twice(message: Incoming, last: Last) -> NumberGivenOutTwice:
    """Returns what a message is held with that has another one's number, in words for an operator."""
    other = "another message" if last.fingerprint is None else f"message {last.fingerprint.message_id}"
    which = f"as {other}" if message.sequence == last.sequence else f"before {other}"
    return NumberGivenOutTwice(
        f"number {message.sequence} of {message.subject:.200} was applied already, {which}: the database of"
        f" {message.source} was set back and has given the number out again. Nothing waits for this message; `retry`"
        " with its id applies it, `discard` drops it"
    )


def closed_by(message: Incoming, last: int, held: Sequence[ParkedMessage]) -> list[ParkedMessage]:
    """Returns the messages that a compensation makes void, so that it need not wait for them; none if it has to wait.

    It does where a message before it has not come yet, or is about another step.

    Args:
        message: A message that comes too early.
        last: The last sequence applied of its saga.
        held: What is held of the saga.
    """
    step = step_of(message.body)
    if step is None or not step.endswith(COMPENSATION_SUFFIX) or message.sequence is None:
        return []
    between = range(last + 1, message.sequence)
    before = {each.sequence: each for each in held if each.sequence in between}
    own = (step, step.removesuffix(COMPENSATION_SUFFIX))
    if len(before) < len(between) or any(step_of(each.body) not in own for each in before.values()):
        return []
    return list(before.values())


def step_of(body: bytes) -> str | None:
    """Returns the saga step that a command's body names, if it can be read at all."""
    try:
        parsed_body = from_json(body)
    except ValueError:
        return None
    step = parsed_body.get("step") if isinstance(parsed_body, dict) else None
    return step if isinstance(step, str) else None
