"""Makes messages of an outbox's rows in PostgreSQL, whatever stands in them: pure.

A row comes as (id, target, subject, message id, header, body, created_at, columns), created_at in unix
time; the last is None unless the header is to be encoded from it, or the subject is too long.
"""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from infirmary_relay.headers.from_columns import sections_of
from infirmary_relay.message import (
    BODY,
    HEADER,
    LONGEST_SUBJECT_BYTES,
    MESSAGE_ID,
    SUBJECT,
    Row,
    Unfit,
    subject_too_large,
)

Fetched = tuple[Any, ...]
_CREATED_AT = BODY + 1


def with_headers(rows: list[Row], service: str) -> list[Row]:
    """Encodes the headers that the writer left null; one that cannot be encoded says why instead."""
    if not any(row[-1] is not None for row in rows):
        return rows
    return [_with_header(row, service) for row in rows]


def _with_header(row: Row, service: str) -> Row:
    written, columns = cast("Fetched", row)[HEADER], cast("Fetched", row)[-1]
    if columns is None or isinstance(written, Unfit):
        return row
    if columns["subject_bytes"] > LONGEST_SUBJECT_BYTES:
        return unfit(row, subject_too_large(columns["subject_bytes"]))
    try:
        return (*row[:HEADER], _header(row, columns, service), *row[BODY:])
    except Exception as odd:  # whatever it is, it is this row's
        return unfit(row, Unfit(str(odd) or repr(odd)))


def created_at(row: Row) -> float:
    """When a row that was fetched had been written."""
    return float(cast("Fetched", row)[_CREATED_AT])


def unfit(row: Row, reason: Unfit) -> Row:
    """What stands for a row that cannot be sent."""
    return (*row[:HEADER], reason, b"")


def unreadable(row_id: int, subject: str, odd: Exception) -> Row:
    """What stands for a row that cannot even be read."""
    return row_id, "", subject, b"", Unfit(f"row {row_id} cannot be read: {str(odd).strip() or repr(odd)}"), b""


def _header(row: Row, columns: dict[str, Any], service: str) -> bytes:
    return sections_of(
        message_id=UUID(bytes=row[MESSAGE_ID]),
        source=service,
        message_type=columns["type"],
        subject=row[SUBJECT],
        sequence=columns["sequence"],
        created_at=_moment(columns["created_at"]),
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"its created_at {text} is no time that a header holds") from None
