"""The rules for the messages of a log, of events or of commands. Pure."""

import time
from collections.abc import Sequence
from typing import Final

from pydantic_core import from_json

from infirmary.consumer.parked import ParkedMessage
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Sequences, Verdict
from infirmary.identifiers import time_of
from infirmary.messages import COMPENSATION_SUFFIX
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary.transport.log_names import carries_commands, writer_of

_DAY_S: Final = 86_400.0


class LogRules:
    """The rules of one log.

    A message must be from the log's writer and have a sequence. In a log of commands and replies the subject is a saga,
    which asks again for what gets lost: so what cannot be read keeps no later message waiting, a compensation need not
    wait for the command that it undoes, and a saga that is older than anything the log may still hold may be met in
    its middle. A subject of any log may begin above 1 if its first messages can have been gone before this reader came.

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

    def sequences(self, last: dict[str, int]) -> Sequences:
        """Returns what decides on messages, from the last sequences applied of their subjects."""
        return Sequences(last, self._may_start_late)

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
        return sequences.judge(message.subject, message.sequence)

    def has_place(self, message: Incoming | MalformedMessage) -> bool:
        """Says whether a message has a place in the order of its subject."""
        return (
            self.numbered
            and isinstance(message, Incoming)
            and message.source == self._writer
            and message.sequence is not None
        )

    def _may_start_late(self, subject: str) -> bool:
        began = time_of(subject)
        if self.of_commands and began is not None and time.time() - began > self._kept_s:
            return True
        return not self._position.has_all_of(began)


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
