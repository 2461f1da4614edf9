"""The sections of a row whose writer left its header null, from the row's other columns."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from infirmary_streams import sections

_LEAST, _LARGEST = -(2**63), 2**63 - 1
_NUMBER_BYTES: Final = 8


def sections_of(
    *, message_id: UUID, source: str, message_type: str, subject: str, sequence: int | None, created_at: datetime
) -> bytes:
    """The sections, as docs/outbox-contract.md has them.

    Raises:
        ValueError: A type or source is longer than the 255 bytes that AMQP has room for, the time is before 1970, or
            the sequence is no integer of 64 bits.
    """
    if sequence is not None and (
        not isinstance(sequence, int) or isinstance(sequence, bool) or not _LEAST <= sequence <= _LARGEST
    ):
        raise ValueError(f"its sequence {sequence!r:.40} is no integer of 64 bits")
    encoded = sections.encoded(
        message_id=str(message_id),
        source=source,
        message_type=message_type,
        subject=subject,
        time=created_at if created_at.tzinfo is UTC else created_at.astimezone(UTC),
        numbered=sequence is not None,
    )
    return encoded if sequence is None else encoded + sequence.to_bytes(_NUMBER_BYTES, "big", signed=True)
