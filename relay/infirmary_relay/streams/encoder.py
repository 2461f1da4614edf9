"""Turns messages into the frames that publish them: bytes of the outbox, and a few before each. Pure."""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from infirmary_relay.headers.content_header import is_content_header
from infirmary_relay.headers.forms import Forms
from infirmary_relay.headers.from_version_1 import sections_of, source_of
from infirmary_relay.message import BODY, HEADER, SUBJECT, TARGET, Row, Unfit, why_unfit
from infirmary_streams.publishing import (
    ENTRY_BYTES,
    HEAD_BYTES,
    SUB_ENTRY_BYTES,
    entry_head,
    publish_head,
    sub_entry_head,
)
from infirmary_streams.sections import body_head

_PIECES = 4
"""Of each message: what stands before it, sections, what stands before the body, body."""
_PLAIN_SUB_ENTRY = 0x80
_SIZE = struct.Struct(">I")


class Entries(NamedTuple):
    """What is published to one target, in pieces, so many for each entry."""

    pieces: list[bytes]
    stride: int


class Encoded(NamedTuple):
    """A batch, ready to be put into frames."""

    entries: dict[str, Entries]
    """By target."""
    together: dict[int, list[int]]
    """In sub-entries the number of the first message stands for all of them."""
    rows: list[Row]
    """The messages that are in the entries, in the order of their numbers."""
    unfit: list[tuple[Row, str | None]]
    """Those that cannot be put on the wire, with the reason; None for those that stand behind one in its subject."""


class _Encoding(NamedTuple):
    entries: dict[str, Entries]
    together: dict[int, list[int]]


class Encoder:
    """Encodes batches for connections that agreed on the same largest frame."""

    def __init__(self, frame_max: int, together: int = 1, service: str | None = None) -> None:
        """Prepares it.

        Args:
            frame_max: the most bytes of a frame, 0 for no limit.
            together: how many messages are put into one sub-entry.
            service: the only source that messages may name; None lets every source pass.
        """
        self._together, self._service = together, service
        self.frame_max = 1 << 31
        self.limit(frame_max)

    def limit(self, frame_max: int) -> None:
        """Notes that another connection has agreed on a largest frame: what is encoded next fits in that as well."""
        self.frame_max = min(self.frame_max, frame_max or self.frame_max)
        self._room = self.frame_max - HEAD_BYTES
        self._largest = self._room - (ENTRY_BYTES if self._together == 1 else SUB_ENTRY_BYTES + _SIZE.size)
        self._forms = Forms(self._service)

    def encode(self, rows: Sequence[Row], first: int) -> Encoded:
        """The entries of all these messages, numbered from `first`; one that raises anything is itself unfit, alone."""
        unfit: list[tuple[Row, str | None]] = []
        headers = [row[HEADER] for row in rows]
        try:
            self._forms.check_all(headers)
            encoding = self._entries(rows, headers, first)
        except Exception:  # the next line finds out over which
            rows, headers, unfit = self._fit(rows)
            encoding = self._entries(rows, headers, first)
        return Encoded(*encoding, list(rows), unfit)

    def frames(self, publisher_id: int, entries: Entries) -> Iterator[bytes]:
        """The entries of one target in as few frames as have room for them, in the pieces that are to be written."""
        pieces, stride = entries
        size = sum(map(len, pieces))
        if size <= self._room:
            yield publish_head(publisher_id, size, len(pieces) // stride)
            yield from pieces
            return
        begin = size = 0
        for at in range(0, len(pieces), stride):
            entry = sum(map(len, pieces[at : at + stride]))
            if size + entry > self._room and at > begin:
                yield publish_head(publisher_id, size, (at - begin) // stride)
                yield from pieces[begin:at]
                begin, size = at, 0
            size += entry
        yield publish_head(publisher_id, size, (len(pieces) - begin) // stride)
        yield from pieces[begin:]

    def _entries(self, rows: Sequence[Row], headers: list[bytes], first: int) -> "_Encoding":
        """What is done with every message is done with all of a target at once: a loop would cost twice as much."""
        places: dict[str, list[int]] = {}
        targets = [row[TARGET] for row in rows]
        for target in set(targets):
            places[target] = [at for at, each in enumerate(targets) if each == target]
        found = _Encoding({}, {})
        for target, at in places.items():
            own = headers if len(at) == len(rows) else [headers[each] for each in at]
            bodies = [rows[each][BODY] for each in at]
            heads = list(map(body_head, map(len, bodies)))
            sizes = list(map(sum, zip(map(len, own), map(len, heads), map(len, bodies), strict=True)))
            if max(sizes) > self._largest:
                raise ValueError("one is too large")
            numbers = list(map(first.__add__, at))
            pieces = [b""] * (_PIECES * len(at))
            pieces[1::_PIECES], pieces[2::_PIECES], pieces[3::_PIECES] = own, heads, bodies
            if self._together == 1:
                pieces[0::_PIECES] = map(entry_head, numbers, sizes)
                found.entries[target] = Entries(pieces, _PIECES)
            else:
                pieces[0::_PIECES] = map(_SIZE.pack, sizes)
                found.entries[target] = Entries(list(self._sub_entries(pieces, numbers, found.together)), 1)
        return found

    def _sub_entries(self, pieces: list[bytes], numbers: list[int], together: dict[int, list[int]]) -> Iterator[bytes]:
        """As many messages in each as are to be, and no more than a quarter of a frame holds, or one."""
        begin = 0
        while begin < len(numbers):
            end, size = begin, 0
            while end < len(numbers) and end - begin < self._together:
                message = sum(map(len, pieces[_PIECES * end : _PIECES * end + _PIECES]))
                if end > begin and size + message > self._room // 4:
                    break
                end, size = end + 1, size + message
            together[numbers[begin]] = numbers[begin:end]
            head = sub_entry_head(numbers[begin], _PLAIN_SUB_ENTRY, end - begin, size, size)
            yield head + b"".join(pieces[_PIECES * begin : _PIECES * end])
            begin = end

    def _fit(self, rows: Sequence[Row]) -> tuple[list[Row], list[bytes], list[tuple[Row, str | None]]]:
        """Those that can be sent, with their headers converted, and those that cannot."""
        fit: list[Row] = []
        headers: list[bytes] = []
        unfit: list[tuple[Row, str | None]] = []
        stopped: set[str] = set()
        for row in rows:
            if row[SUBJECT] in stopped:
                unfit.append((row, None))
                continue
            try:
                header = self._header(row)
            except Exception as odd:  # whatever it is, it is this message's
                unfit.append((row, why_unfit(odd)))
                stopped.add(row[SUBJECT])
            else:
                fit.append(row)
                headers.append(header)
        return fit, headers, unfit

    def _header(self, row: Row) -> bytes:
        """The sections of one message.

        Raises:
            ValueError: It cannot be sent, and why.
        """
        header, body = row[HEADER], row[BODY]
        if isinstance(header, Unfit):
            raise ValueError(header.reason)
        if is_content_header(header):
            self._forms.check_source(source_of(header))
            header = sections_of(header, len(body))
        else:
            self._forms.check(header)
        size = len(header) + len(body_head(len(body))) + len(body)
        if size > self._largest:
            raise ValueError(self._too_large(size))
        return header

    def _too_large(self, size: int) -> str:
        return (
            f"with its header it has {size} bytes, and the broker takes frames of {self.frame_max}: raise its "
            "`stream.frame_max`, or set RABBITMQ_STREAM_PORT to 0"
        )
