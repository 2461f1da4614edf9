"""Judges what a log holds: every message, each subject in order, and how many came twice."""

from collections.abc import Iterable
from typing import NamedTuple

_SEQUENCE, _SUBJECT = b"\x08sequencel", b"\x07subjectS"
_SEQUENCE_BYTES, _LENGTH_BYTES = 8, 4


class Order(NamedTuple):
    """What was found."""

    different: int
    doubled: int
    out_of_order: int


def judge(headers: Iterable[bytes]) -> Order:
    """Looks at the sequences of all subjects, in the order in which their messages stand in the log."""
    last: dict[bytes, int] = {}
    seen: set[tuple[bytes, int]] = set()
    doubled = out_of_order = 0
    for header in headers:
        subject, sequence = subject_and_sequence(header)
        if (subject, sequence) in seen:
            doubled += 1
            continue
        seen.add((subject, sequence))
        out_of_order += sequence != last.get(subject, 0) + 1
        last[subject] = sequence
    return Order(len(seen), doubled, out_of_order)


def subject_and_sequence(header: bytes) -> tuple[bytes, int]:
    """Reads both from an event's content header; the broker has put headers of its own before them."""
    at = header.index(_SEQUENCE) + len(_SEQUENCE)
    sequence = int.from_bytes(header[at : at + _SEQUENCE_BYTES], "big")
    at = header.index(_SUBJECT) + len(_SUBJECT)
    begin = at + _LENGTH_BYTES
    return header[begin : begin + int.from_bytes(header[at:begin], "big")], sequence
