"""The chain of records: each holds the hash of all before it. Pure: values in, values out."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from infirmary.access.records import Access

BEGINNING: Final = bytes(32)
"""What the first record is chained to."""


class Record(Access):
    """What is on record: an access, and the service that was asked."""

    service: str


_RECORD: Final = TypeAdapter(Record)


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
    """A place at which the chain does not hold.

    Attributes:
        position: Where.
        why: What is wrong there.
        found: A digest of what is there, so that another harm at the same place is another break.
    """

    position: int
    why: str
    found: str

    @property
    def name(self) -> str:
        """By which somebody who has explained it says so."""
        return f"{self.position}-{self.found}"


def canonical(service: str, access: Access) -> str:
    """Returns the one text that stands for a record: sorted by the names of its fields, without blanks."""
    said = {"service": service, **access.model_dump(mode="json")}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def readable(record: str) -> Record | None:
    """Returns what a text says; None where it is not what was put on record, whoever has put it there."""
    try:
        return _RECORD.validate_json(record)
    except ValidationError:
        return None


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
    """A walk along the chain. Behind a place that does not hold it goes on from what is there.

    Attributes:
        head: How far it has come.
    """

    def __init__(self, head: Head = Head(0, BEGINNING)) -> None:
        """Stands at the beginning, or where another one has come to."""
        self.head = head

    def on(self, links: Iterable[Link]) -> Iterator[Broken]:
        """Goes on along the next links, in the order of their positions; yields where the chain is broken."""
        for link in links:
            before, self.head = self.head, Head(link.position, link.hash)
            if link.position != before.position + 1:
                why = f"it is missing; the next that is there is {link.position}"
                yield _broken(before.position + 1, why, before, link)
            elif link.hash != link_hash(before.hash, link.record):
                yield _broken(link.position, "it, or one before it, is not what was put on record", before, link)
            if (misplaced := _is_misplaced(link)) is not None:
                yield _broken(link.position, misplaced, before, link)

    def still(self, links: Iterable[Link]) -> Iterator[Broken]:
        """Compares where it stands with what is there by now, and goes on from that.

        Args:
            links: The record in that place; none where it is gone.
        """
        at, there = self.head, next(iter(links), None)
        if at.position > 0 and (there is None or (there.position, there.hash) != (at.position, at.hash)):
            found = (at,) if there is None else (at, there)
            yield _broken(at.position, "another record was here at the last look", *found)
        if there is not None and at.position > 0:
            self.head = Head(there.position, there.hash)

    def end(self, head: Head | None) -> Iterator[Broken]:
        """Compares the end that was reached with the one that the chain should have.

        Args:
            head: The end; None where somebody has taken it away.
        """
        at = self.head
        if head is None:
            yield _broken(at.position + 1, "somebody has taken away what says where the chain ends", at)
        elif at.position < head.position:
            yield _broken(at.position + 1, f"it and all after it are missing; the last was {head.position}", at, head)
        elif at != head:
            yield _broken(at.position, f"the chain should end at {head.position} with another hash", at, head)


def upto(links: Iterable[Link], head: Head | None) -> Iterator[Link]:
    """Yields the links up to an end that was looked at before: what has come since is not in question."""
    return (link for link in links if head is None or link.position <= head.position)


def not_in_chain(links: Iterable[Link]) -> Iterator[Broken]:
    """Yields a break for each record that is before the first or behind the end."""
    for link in links:
        yield _broken(link.position, "it is outside of the chain, where nothing is put on record", link)


def _broken(position: int, why: str, *found: Head | Link) -> Broken:
    return Broken(position, why, hashlib.sha256(repr((why, *found)).encode()).hexdigest()[:12])


def _is_misplaced(link: Link) -> str | None:
    record = readable(link.record)
    if record is None:
        return "it is not what a service tells"
    if (record.access_id, record.person) != (link.access_id, link.patient_id):
        return "it is found by another id or patient than it was put on record with"
    return None
