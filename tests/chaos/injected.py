"""How a message that the nemesis has put into a log is known from those of the relays: by its time, long ago."""

from datetime import UTC, datetime

from audit.facts import LogMessage
from audit.log_messages import UNREADABLE

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""The `time` of an injected message. No consumer reads that attribute."""


def is_injected(message: LogMessage) -> bool:
    """Says whether the nemesis has made this message; nobody else makes one that cannot be read."""
    return message.type == UNREADABLE or message.at == LONG_AGO
