"""The chain of records: each holds the hash of all before it. Pure: values in, values out."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from infirmary.access.records import Access

BEGINNING: Final = bytes(32)
"""What the first record is chained to."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many records it has, and the hash of the last."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One record in its place.

    Attributes:
        position: 1, 2, 3 ...
        access_id: Its own id.
        patient_id: Whom it is about, if it is one patient.
        record: What is on record, as canonical JSON.
        hash: Of the hash before it and of this record: 32 bytes.
    """

    position: int
    access_id: UUID
    patient_id: UUID | None
    record: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which the chain does not hold, and what is wrong there."""

    position: int
    why: str


def canonical(service: str, access: Access) -> str:
    """Returns the one text that stands for a record: sorted by the names of its fields, without blanks."""
    said = {"service": service, **access.model_dump(mode="json")}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chained(head: Head, records: Iterable[tuple[Access, str]]) -> Iterator[Link]:
    """Yields records in their places behind the end of a chain.

    Args:
        head: The end.
        records: Each access with its canonical text.
    """
    for access, record in records:
        head = Head(head.position + 1, link_hash(head.hash, record))
        yield Link(head.position, access.access_id, access.person, record, head.hash)


def link_hash(before: bytes, record: str) -> bytes:
    """Returns the hash of a record behind another."""
    return hashlib.sha256(before + record.encode()).digest()


class Walk:
    """A walk along the chain, from its beginning.

    Attributes:
        head: How far it has come.
    """

    def __init__(self) -> None:
        """Stands at the beginning."""
        self.head = Head(0, BEGINNING)

    def on(self, links: Iterable[Link]) -> Broken | None:
        """Goes on along the next links, in the order of their positions; returns where the chain is broken."""
        for link in links:
            if link.position != self.head.position + 1:
                return Broken(self.head.position + 1, f"it is missing; the next that is there is {link.position}")
            if link.hash != link_hash(self.head.hash, link.record):
                return Broken(link.position, "it, or one before it, is not what was put on record")
            if not _is_found_by(link):
                return Broken(link.position, "it is found by another id or patient than it was put on record with")
            self.head = Head(link.position, link.hash)
        return None

    def along(self, pieces: Iterable[Iterable[Link]], head: Head | None) -> Broken | None:
        """Goes along all links up to the end that the chain has, or had: what has come since is not looked at.

        Args:
            pieces: The links, some at a time.
            head: The end; None where somebody has taken it away.
        """
        for piece in pieces:
            broken = self.on(link for link in piece if head is None or link.position <= head.position)
            if broken is not None:
                return broken
            if head is not None and self.head.position == head.position:
                break
        return self.end(head)

    def end(self, head: Head | None) -> Broken | None:
        """Compares the end that was reached with the one that the chain should have."""
        if head is None:
            return Broken(self.head.position + 1, "somebody has taken away what says where the chain ends")
        if self.head == head:
            return None
        if self.head.position < head.position:
            return Broken(self.head.position + 1, f"it and all after it are missing; the last was {head.position}")
        return Broken(self.head.position, f"the chain ends here, and should end at {head.position} with another hash")


def _is_found_by(link: Link) -> bool:
    try:
        said = json.loads(link.record)
        person = said["person"]
        patient_id = None if person is None else UUID(person)
        return (UUID(said["access_id"]), patient_id) == (link.access_id, link.patient_id)
    except (ValueError, KeyError, TypeError):
        return False
