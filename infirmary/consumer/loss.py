"""Messages of a log that expired before they were read: they are lost here, until their owner has told its state again.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import from_json

from infirmary.transport.envelope import Incoming, unix_time
from infirmary.transport.log_names import parsed

BEGAN_AT = "began_at"
"""The field of the last word of one who has told the state of all subjects: when that was begun."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a reader has lost of a log, and its writer has not made up for by telling its state again.

    Attributes:
        messages: About how many; 0 when an operator has settled it, and a subject may still come to what was lost.
        before: When the first message was written that was still there; what is lost was written before.
    """

    messages: int
    before: datetime

    def and_then(self, more: "Loss") -> "Loss":
        """Returns both together."""
        return Loss(self.messages + more.messages, max(self.before, more.before))

    def is_settled_by(self, message: Incoming) -> bool:
        """Says whether a message is the last word of one who began to tell all after what is lost was written."""
        if message.state != 0:
            return False
        try:
            told = from_json(message.body)
        except ValueError:
            return False
        began = unix_time(told.get(BEGAN_AT)) if isinstance(told, dict) else None
        return began is not None and began >= self.before.timestamp()


def unsettled(losses: Mapping[str, Loss]) -> dict[str, Loss]:
    """Returns the losses that somebody has to settle, by log."""
    return {log: loss for log, loss in losses.items() if loss.messages > 0}


def words_of(losses: Mapping[str, Loss], service: str) -> str | None:
    """Returns what somebody has to be told of losses, and what is to be done; None where there are none.

    Args:
        losses: By log.
        service: Who has lost them.
    """
    sentences = [
        f"{log}: about {loss.messages} messages from before {loss.before:%Y-%m-%d %H:%M} UTC expired unread;"
        f" `republish` at {parsed(log).writer} mends it, or `losses settle {log}` at {service} goes on without them"
        for log, loss in sorted(losses.items())
    ]
    return "; ".join(sentences) or None
