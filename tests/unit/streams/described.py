"""The protocol once more, as its description tells it, for the other side: requests are read here, and answers made.

Written from PROTOCOL.adoc alone, and with nothing of infirmary_streams, so that an error there is not one here, too.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

NAMES = {
    0x01: "declare publisher",
    0x02: "publish",
    0x06: "delete publisher",
    0x07: "subscribe",
    0x09: "credit",
    0x0C: "unsubscribe",
    0x0D: "create",
    0x0E: "delete",
    0x0F: "metadata",
    0x11: "peer properties",
    0x12: "sasl handshake",
    0x13: "sasl authenticate",
    0x14: "tune",
    0x15: "open",
    0x16: "close",
    0x17: "heartbeat",
    0x8016: "close answered",
}
_WITHOUT_CORRELATION = {"publish", "credit", "tune", "heartbeat"}
_FIELDS = {
    "declare publisher": (("publisher", "u8"), ("reference", "string"), ("stream", "string")),
    "delete publisher": (("publisher", "u8"),),
    "subscribe": (
        ("subscription", "u8"),
        ("stream", "string"),
        ("begin", "offset"),
        ("credit", "u16"),
        ("properties", "map"),
    ),
    "credit": (("subscription", "u8"), ("credit", "u16")),
    "unsubscribe": (("subscription", "u8"),),
    "create": (("stream", "string"), ("arguments", "map")),
    "delete": (("stream", "string"),),
    "metadata": (("streams", "strings"),),
    "peer properties": (("properties", "map"),),
    "sasl handshake": (),
    "sasl authenticate": (("mechanism", "string"), ("data", "bytes")),
    "tune": (("frame max", "u32"), ("heartbeat", "u32")),
    "open": (("virtual host", "string"),),
    "close": (("code", "u16"), ("reason", "string")),
    "close answered": (("code", "u16"),),
    "heartbeat": (),
    "publish": (("publisher", "u8"), ("messages", "messages")),
}


class Reader:
    """Takes fields from a frame, in their order."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, size: int) -> bytes:
        assert len(self.rest) >= size, f"{size} bytes wanted, {len(self.rest)} left"
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def integer(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "big", signed=signed)

    def sized(self, size: int) -> bytes | None:
        length = self.integer(size, signed=True)
        return None if length == -1 else self.take(length)

    def string(self) -> str:
        value = self.sized(2)
        assert value is not None
        return value.decode()

    def read(self, kind: str) -> Any:
        match kind:
            case "u8" | "u16" | "u32" | "u64":
                return self.integer(int(kind[1:]) // 8)
            case "string":
                return self.string()
            case "bytes":
                return self.sized(4)
            case "strings":
                return [self.string() for _ in range(self.integer(4, signed=True))]
            case "map":
                return {self.string(): self.string() for _ in range(self.integer(4, signed=True))}
            case "offset":
                number = self.integer(2)
                return (number, self.integer(8)) if number in (4, 5) else (number,)
            case "messages":
                return [self._message() for _ in range(self.integer(4, signed=True))]
        raise AssertionError(kind)

    def _message(self) -> tuple[int, Any]:
        publishing_id = self.integer(8)
        if self.rest[0] & 0x80:
            kind, count, plain, size = struct.unpack(">BHII", self.take(11))
            return publishing_id, (kind & 0x70, count, plain, self.take(size))
        return publishing_id, self.sized(4)


def read(frame: bytes) -> dict[str, Any]:
    """Returns the fields of the one frame of version 1 that there is, by their names; nothing may be left."""
    reader = Reader(frame)
    assert reader.integer(4) == len(frame) - 4
    name = NAMES[reader.integer(2)]
    assert reader.integer(2) == 1
    found: dict[str, Any] = {"command": name}
    if name not in _WITHOUT_CORRELATION:
        found["correlation"] = reader.integer(4)
    found |= {field: reader.read(kind) for field, kind in _FIELDS[name]}
    assert not reader.rest
    return found


def u8(value: int) -> bytes:
    return struct.pack(">B", value)


def u16(value: int) -> bytes:
    return struct.pack(">H", value)


def u32(value: int) -> bytes:
    return struct.pack(">I", value)


def u64(value: int) -> bytes:
    return struct.pack(">Q", value)


def string(value: str | None) -> bytes:
    return struct.pack(">h", -1) if value is None else u16(len(value.encode())) + value.encode()


def array(values: Iterable[bytes]) -> bytes:
    values = list(values)
    return struct.pack(">i", len(values)) + b"".join(values)


def table(values: Mapping[str, str]) -> bytes:
    return array(string(key) + string(value) for key, value in values.items())


def frame(key: int, content: bytes = b"") -> bytes:
    """A whole frame of version 1."""
    content = u16(key) + u16(1) + content
    return u32(len(content)) + content
