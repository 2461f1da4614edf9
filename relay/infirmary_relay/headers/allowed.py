"""Which values may stand in sections: those that brokers of every release can show to readers of AMQP 0-9-1. Pure.

A broker that cannot convert one message ends the connection of each reader that comes to it, again and again.
"""

import math
import struct
from collections.abc import Sequence
from typing import Final

from infirmary_streams import amqp10
from infirmary_streams.amqp10 import Part
from infirmary_streams.errors import NonsenseError
from infirmary_streams.sections import APP_ID, TYPE

_NULL, _TEXT, _SYMBOL, _TIMESTAMP = 0x40, 0xA1, 0xA3, 0x83
PROPERTIES: Final = (
    ("message-id", _TEXT),
    ("user-id", _NULL),
    ("to", _NULL),
    ("subject", _NULL),
    ("reply-to", _TEXT),
    ("correlation-id", _TEXT),
    ("content-type", _SYMBOL),
    ("content-encoding", _SYMBOL),
    ("absolute-expiry-time", _NULL),
    ("creation-time", _TIMESTAMP),
    ("group-id", _TEXT),
    ("group-sequence", _NULL),
    ("reply-to-group-id", _NULL),
)
"""Their names, and of which type each is; those of the type null may not be told."""
_DOUBLE: Final = 0x82
_INTEGERS: Final = frozenset({amqp10.UBYTE, 0x51, 0x54, 0x55, 0x61, 0x71, 0x81})
_VALUES: Final = _INTEGERS | {0x40, 0x41, 0x42, _DOUBLE, 0xA0, 0xB0, 0xA1, 0xB1}
"""Nothing, booleans without a byte of their own, numbers that AMQP 0-9-1 has as well, bytes, texts."""
ONE_BY_ONE: Final = frozenset({amqp10.UBYTE, _DOUBLE})
"""Of these not every value can be shown, so that each is looked at."""
_DELIVERY_MODE: Final = b"x-basic-delivery-mode"
_PERSISTENT: Final = b"\x02"
_SHORT: Final = frozenset({TYPE.encode(), APP_ID.encode()})
"""What becomes a property of AMQP 0-9-1, which has room for 255 bytes."""


def check_properties(parts: Sequence[Part]) -> None:
    """Makes sure that the properties are of their types, and have room in AMQP 0-9-1.

    Raises:
        NonsenseError: One is not.
    """
    check_count(parts)
    for (name, kind), part in zip(PROPERTIES, parts, strict=False):
        check_property(name, kind, part)


def check_count(parts: Sequence[Part]) -> None:
    """Makes sure that there are no more properties than AMQP 1.0 has.

    Raises:
        NonsenseError: There are.
    """
    if len(parts) > len(PROPERTIES):
        raise NonsenseError(f"{len(parts)} properties, and AMQP 1.0 has {len(PROPERTIES)}")


def check_property(name: str, kind: int, part: Part) -> None:
    """The same of one property.

    Raises:
        NonsenseError: It is of another type, or too long.
    """
    if part.kind == kind + 0x10 and kind in (_TEXT, _SYMBOL):
        raise NonsenseError(f"its {name} has {part.end - part.begin} bytes, AMQP has room for 255")
    if part.kind not in (kind, _NULL):
        raise NonsenseError(f"its {name} is of type {part.kind:#x}, and should be of {kind:#x}")


def check_pair(section: int, key: Part, name: bytes, value: bytes, part: Part) -> None:
    """Makes sure that an annotation or an application property can be shown.

    Raises:
        NonsenseError: It cannot.
    """
    shown = name.decode(errors="replace")[:40]
    if section == amqp10.ANNOTATIONS and key.kind != _SYMBOL:
        raise NonsenseError(f"the key of its annotation {shown} is no symbol of at most 255 bytes")
    if section == amqp10.APPLICATION and key.kind != _TEXT:
        raise NonsenseError(f"the key of its application property {shown} is no text of at most 255 bytes")
    if part.kind not in _VALUES:
        raise NonsenseError(f"its {shown} is of type {part.kind:#x}, which not every reader can be shown")
    if part.kind == _DOUBLE and not math.isfinite(struct.unpack(">d", value)[0]):
        raise NonsenseError(f"its {shown} is no finite number")
    if name in _SHORT and part.kind != _TEXT:
        raise NonsenseError(f"its {shown} has {part.end - part.begin} bytes, AMQP has room for 255")
    if name == _DELIVERY_MODE and (part.kind != amqp10.UBYTE or value != _PERSISTENT):
        raise NonsenseError("its delivery mode is not 2, a byte")
