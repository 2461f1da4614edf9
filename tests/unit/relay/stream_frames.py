"""A broker's side of publishing by the stream protocol: what came is read, and what may be said of it put in frames."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infirmary_streams import codes
from tests.unit.streams.described import array, frame, read, string, u8, u16, u32, u64


def requests(written: bytes) -> Iterator[dict[str, Any]]:
    """The commands in what a client has written, by the names of their fields."""
    while written:
        end = 4 + int.from_bytes(written[:4], "big")
        yield read(written[:end])
        written = written[end:]


def declared(correlation_id: int, code: int = codes.OK) -> bytes:
    """Says whether a publisher may be."""
    return frame(0x8001, u32(correlation_id) + u16(code))


def confirms(publisher_id: int, ids: Iterable[int]) -> bytes:
    """Says that a log has messages."""
    return frame(0x03, u8(publisher_id) + array(map(u64, ids)))


def errors(publisher_id: int, failures: Mapping[int, int]) -> bytes:
    """Says of messages that they were not taken, and why."""
    return frame(0x04, u8(publisher_id) + array(u64(each) + u16(code) for each, code in failures.items()))


def metadata_update(stream: str, code: int = codes.STREAM_NOT_AVAILABLE) -> bytes:
    """Says that a log is not what it was: whoever published to it has to begin anew."""
    return frame(0x10, u16(code) + string(stream))


def close(code: int, reason: str) -> bytes:
    """Ends the connection."""
    return frame(0x16, u32(1) + u16(code) + string(reason))
