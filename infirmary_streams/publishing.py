"""Messages on their way to the broker, and what it says of each. Pure.

A publishing id only names a message to its sender here: publishers are declared without a reference, so that the broker
never takes a message for a repeated one because its id is lower than another's.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from infirmary_streams import codes
from infirmary_streams.errors import NonsenseError
from infirmary_streams.frames import VERSION

HEAD_BYTES: Final = 13
"""How many bytes of a frame stand before its messages."""
ENTRY_BYTES: Final = 12
"""How many bytes of a frame stand before each message."""
SUB_ENTRY_BYTES: Final = 19
"""How many bytes of a frame stand before the messages of a sub-entry, beside the 4 of each message."""
MOST_IN_SUB_ENTRY: Final = 65_535
entry_head = struct.Struct(">QI").pack
"""Packs the publishing id and the size that stand before a message."""
sub_entry_head = struct.Struct(">QBHII").pack
"""Packs what stands before the messages of a sub-entry: publishing id, kind (0x80), messages, and their bytes twice."""
_HEAD = struct.Struct(">IHHBI")
_RECEIPTS = struct.Struct(">BI")
_ERROR = struct.Struct(">QH")


class PublishFailed(NamedTuple):
    """A message that the broker did not take."""

    publishing_id: int
    code: int


def publish_head(publisher_id: int, size: int, count: int) -> bytes:
    """How a frame begins that publishes messages: their entries follow.

    Args:
        publisher_id: To which stream.
        size: How many bytes the entries have: in turns what `entry_head` gives, and a message.
        count: How many messages.
    """
    return _HEAD.pack(HEAD_BYTES - 4 + size, codes.PUBLISH, VERSION, publisher_id, count)


def confirmed(payload: bytes) -> tuple[int, Sequence[int]]:
    """Reads a publish confirm: the publisher, and the ids of its messages that the stream has.

    Raises:
        NonsenseError: It is none.
    """
    publisher_id, count = _receipts(payload, 8)
    return publisher_id, struct.unpack_from(f">{count}Q", payload, _RECEIPTS.size)


def failed(payload: bytes) -> tuple[int, list[PublishFailed]]:
    """Reads a publish error: the publisher, and which of its messages were not taken, and why.

    Raises:
        NonsenseError: It is none.
    """
    publisher_id, count = _receipts(payload, _ERROR.size)
    end = _RECEIPTS.size + count * _ERROR.size
    return publisher_id, [PublishFailed(*each) for each in _ERROR.iter_unpack(payload[_RECEIPTS.size : end])]


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """The runs of ids that follow each other, as first and last, in ascending order; an id that came twice twice."""
    ordered = sorted(ids)
    if ordered and ordered[-1] - ordered[0] == len(ordered) - 1 and len(set(ordered)) == len(ordered):
        return [(ordered[0], ordered[-1])]
    found: list[tuple[int, int]] = []
    for each in ordered:
        if found and found[-1][1] == each - 1:
            found[-1] = (found[-1][0], each)
        else:
            found.append((each, each))
    return found


def _receipts(payload: bytes, size: int) -> tuple[int, int]:
    if len(payload) < _RECEIPTS.size:
        raise NonsenseError("receipts without content")
    publisher_id, count = _RECEIPTS.unpack_from(payload)
    if len(payload) < _RECEIPTS.size + count * size:
        raise NonsenseError(f"{count} receipts in {len(payload)} bytes")
    return publisher_id, count
