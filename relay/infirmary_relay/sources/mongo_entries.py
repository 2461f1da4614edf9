"""Turns the outbox of a document into messages, whatever stands in it: pure.

MongoDB asks nobody what type a field is of. What no message can be made of stands still with its subject; where the
subject itself cannot be read, the whole document stands still, since nobody knows what may go on.
"""

import math
from collections.abc import Hashable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from typing import Any, cast
from uuid import UUID

from infirmary_relay.assignment import PARTITIONS
from infirmary_relay.headers.from_columns import sections_of
from infirmary_relay.message import (
    BODY,
    DIGEST,
    LONGEST_SUBJECT_BYTES,
    Row,
    Unfit,
    subject_too_large,
    too_large,
)
from infirmary_relay.sources.source import HeldBack

_SHOWN = 60


@dataclass(frozen=True)
class _Unhashable:
    """An id that is no key in Python, as a document, an array or NaN; known by how it is written."""

    written: str
    value: Any = field(compare=False)


def key_of(value: Any) -> Hashable:
    """What stands for an id, of whatever type it is."""
    try:
        hash(value)
    except TypeError:
        return _Unhashable(repr(value), value)
    if isinstance(value, bool | float):  # NaN is not found again as a key, and True is the key of 1
        return _Unhashable(repr(value), value)
    return value  # type: ignore[no-any-return]


def is_empty(document: Mapping[str, Any]) -> bool:
    """Whether a document is marked as having messages, and has none."""
    return document.get("outbox") == [] and _why_unfit(document) is None


def holds_free(document: Mapping[str, Any], held_back: HeldBack) -> bool:
    """Whether a document holds a message that is not held back."""
    whole = name_of(document["_id"])
    if whole in held_back.subjects or _why_unfit(document) is not None:
        return False
    return any(
        _subject_of(entry, whole) not in held_back.subjects and not _is_to(entry, held_back.targets)
        for entry in document["outbox"]
    )


def written_at(document: Mapping[str, Any]) -> float:
    """When the oldest message of a document was written, in unix time; infinity when nobody can tell."""
    outbox = document.get("outbox")
    entries = outbox if isinstance(outbox, list) else []
    moments = [entry.get("created_at") for entry in entries if isinstance(entry, dict)]
    # Without any, the time of the last that was appended is better than none.
    known = [each for each in moments or [document.get("outbox_since")] if isinstance(each, datetime)]
    return min((each.timestamp() for each in known), default=math.inf)


def created_at(row: Row) -> float:
    """When a message that was read had been written, in unix time; NaN when nobody can tell."""
    moment = cast("tuple[Any, ...]", row)[BODY + 1]
    return moment.timestamp() if isinstance(moment, datetime) else math.nan


def value_of(key: Hashable) -> Any:
    """The id that `key_of` was given."""
    return key.value if isinstance(key, _Unhashable) else key


def name_of(document_id: Any) -> str:
    """The name by which a whole document stands still."""
    return f"document {document_id!s:.{_SHOWN}}"


class Entries:
    """Reads the messages of documents."""

    def __init__(self, service: str, message_max_bytes: int) -> None:
        self._service = service
        self._message_max_bytes = message_max_bytes

    def rows(self, document: Mapping[str, Any], held_back: HeldBack) -> Iterator[Row]:
        """Yields the messages of a document that may be sent now, in their order, and what is unfit among them."""
        whole, document_key = name_of(document["_id"]), key_of(document["_id"])
        if whole in held_back.subjects:
            return
        unfit = _why_unfit(document)
        if unfit is not None:
            yield (document_key, None), "", whole, b"", unfit, b""
            return
        for entry in document["outbox"]:
            subject = _subject_of(entry, whole)
            if subject in held_back.subjects or _is_to(entry, held_back.targets):
                continue
            yield self._row(document_key, subject, entry)
            if subject == whole:
                return

    def _row(self, document_key: Hashable, subject: str, entry: Any) -> Row:
        message_key = key_of(entry.get("message_id")) if isinstance(entry, dict) else None
        key = (document_key, message_key)
        try:
            unfit = self._why_unfit(entry)
            if unfit is None:
                header, body = entry.get("header"), entry["body"]
                header = self._header(entry) if header is None else header
                row = key, entry["target"], subject, entry["message_id"].bytes, header, body, entry.get("created_at")
                return cast("Row", row)
        except Exception as odd:  # whatever it is, it is this entry's
            unfit = Unfit(str(odd) or repr(odd))
        return key, _text(entry, "target"), subject, b"", unfit, b""

    def _why_unfit(self, entry: Any) -> Unfit | None:
        if not isinstance(entry, dict):
            return Unfit(f"an entry of the outbox is no document: {entry!r:.{_SHOWN}}")
        for name, kind, wanted in _FIELDS:
            if not isinstance(entry.get(name), kind):
                return Unfit(f"its {name} is no {wanted}: {entry.get(name)!r:.{_SHOWN}}")
        if not isinstance(entry.get("header"), bytes | None):
            return Unfit("its header is neither null nor binary data")
        subject_bytes, body_bytes = len(entry["subject"].encode()), len(entry["body"])
        if subject_bytes > LONGEST_SUBJECT_BYTES:
            return subject_too_large(subject_bytes)
        return too_large(body_bytes, self._message_max_bytes) if body_bytes > self._message_max_bytes else None

    def _header(self, entry: dict[str, Any]) -> bytes:
        if not isinstance(entry.get("type"), str):
            raise TypeError("its type is no text")
        if not isinstance(entry.get("created_at"), datetime):
            raise TypeError(f"its created_at {entry.get('created_at')!r:.{_SHOWN}} is no time that a header holds")
        return sections_of(
            message_id=entry["message_id"],
            source=self._service,
            message_type=entry["type"],
            subject=entry["subject"],
            sequence=entry.get("sequence"),
            created_at=entry["created_at"],
        )


_FIELDS: tuple[tuple[str, type, str], ...] = (
    ("subject", str, "text"),
    ("target", str, "text"),
    ("message_id", UUID, "UUID"),
    ("body", bytes, "binary data"),
)


def _why_unfit(document: Mapping[str, Any]) -> Unfit | None:
    partition, outbox = document.get("outbox_partition"), document.get("outbox")
    if isinstance(outbox, Exception):
        return Unfit(f"its document cannot be read: {outbox}")
    if isinstance(partition, bool) or partition not in range(PARTITIONS):
        return Unfit(f"its outbox_partition is no number from 0 to {PARTITIONS - 1}: {partition!r:.{_SHOWN}}")
    return None if isinstance(outbox, list) else Unfit(f"its outbox is no array: {outbox!r:.{_SHOWN}}")


def _text(entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def _is_to(entry: Any, targets: AbstractSet[str]) -> bool:
    """Whether an entry goes to one of these; what is no text goes nowhere, and stands still with its subject."""
    target = entry.get("target") if isinstance(entry, dict) else None
    return isinstance(target, str) and target in targets


def _subject_of(entry: Any, whole: str) -> str:
    """The subject that stands still when this entry does."""
    subject = entry.get("subject") if isinstance(entry, dict) else None
    if not isinstance(subject, str):
        return whole
    if len(subject) <= LONGEST_SUBJECT_BYTES // 4 or len(subject.encode()) <= LONGEST_SUBJECT_BYTES:
        return subject
    return DIGEST + md5(subject.encode(), usedforsecurity=False).hexdigest()
