"""One message on its way from the outbox to the broker.

A plain tuple: at 40,000 messages a second, building an object for each costs as much as sending it.
"""

from collections.abc import Hashable
from typing import Any, Final, TypeAlias

Key: TypeAlias = Hashable
"""What the source needs to delete exactly this message again."""

Row: TypeAlias = tuple[Any, str, str, bytes, bytes, bytes]
"""(key, target, subject, message id, header, body): header and body are ready for the wire, the id is its 16 bytes."""

KEY: Final = 0
TARGET: Final = 1
SUBJECT: Final = 2
MESSAGE_ID: Final = 3
HEADER: Final = 4
BODY: Final = 5
