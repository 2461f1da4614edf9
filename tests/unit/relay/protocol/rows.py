"""What stands in a row of the model: a header of either version of the contract, and a body, as in any outbox."""

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from benchmarks.version_1 import as_version_1
from infirmary_streams.received import received
from infirmary_streams.sections import encoded

BODY = b"{}"
_WRITTEN_AT = datetime(2026, 1, 1, tzinfo=UTC)
_OLD = 3
"""One row of so many is of the release before."""


class Came(NamedTuple):
    """A message as it comes to a log."""

    message_id: bytes
    subject: str
    sequence: int


@cache
def header_of(message_id: bytes, subject: str, sequence: int) -> bytes:
    """The header of a row."""
    sections = encoded(
        message_id=str(UUID(bytes=message_id)),
        source="ward",
        message_type="Noted",
        subject=subject,
        time=_WRITTEN_AT,
        correlation_id="c",
    )
    header = sections + sequence.to_bytes(8, "big")
    return header if message_id[-1] % _OLD else as_version_1(header, len(BODY))


@cache
def came(message: bytes) -> Came:
    """Reads a message of a log."""
    properties, body = received(message)
    assert body == BODY
    headers = properties["application_headers"]
    return Came(UUID(properties["message_id"]).bytes, headers["subject"], headers["sequence"])
