"""One message on its way from the outbox to the broker.

A plain tuple: at 40,000 messages a second, building an object for each costs as much as sending it.
"""

from collections.abc import Hashable
from typing import Any, Final, Self, TypeAlias

Key: TypeAlias = Hashable
"""What the source needs to delete exactly this message again."""


class Unfit(bytes):
    """Stands where the header of a message should be that cannot be sent, and says why; it is never written."""

    reason: str

    def __new__(cls, reason: str) -> Self:
        """Takes the reason as the end of a sentence that begins "it cannot be sent"."""
        unfit = super().__new__(cls)
        unfit.reason = reason
        return unfit


def why_unfit(error: Exception) -> str:
    """Says over what a message cannot be sent: in the words of a check of ours, or with the name of what failed."""
    return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"


def subject_too_large(subject_bytes: int) -> Unfit:
    """Says that a subject is longer than can be told to the database again and again."""
    return Unfit(f"its subject has {subject_bytes} bytes, more than {LONGEST_SUBJECT_BYTES}")


def too_large(body_bytes: int, message_max_bytes: int) -> Unfit:
    """Says that a body is larger than a message may be."""
    return Unfit(f"its body has {body_bytes} bytes, more than MESSAGE_MAX_BYTES ({message_max_bytes})")


Row: TypeAlias = tuple[Any, str, str, bytes, bytes, bytes]
"""(key, target, subject, message id, header, body): the header is as the outbox has it, the id is its 16 bytes."""

KEY: Final = 0
TARGET: Final = 1
SUBJECT: Final = 2
MESSAGE_ID: Final = 3
HEADER: Final = 4
BODY: Final = 5

LONGEST_TARGET_BYTES: Final = 255
"""AMQP has room for no longer name."""
LONGEST_SUBJECT_BYTES: Final = 4096
"""A subject that is held back goes with every fetch."""
DIGEST = "md5:"
"""How the name begins by which a subject is known that is longer, or cannot be read."""


def could_be_sent(row: Row) -> bool:
    """Whether nothing is known yet that speaks against sending it."""
    return not isinstance(row[HEADER], Unfit) and len(row[TARGET].encode(errors="replace")) <= LONGEST_TARGET_BYTES
