"""Makes the shape of a message: what of it is constant, and where the values are. Pure."""

from typing import Final

from infirmary_streams import amqp10
from infirmary_streams.amqp10 import Part, Section
from infirmary_streams.received import is_header
from infirmary_streams.sections import APP_ID, TYPE
from infirmary_streams.shapes import BEGIN_LONG, BEGIN_SHORT, END, LONG, SHORT, Read, Shape, Step

_BEGIN: Final = {0xC0: BEGIN_SHORT, 0xC1: BEGIN_SHORT, 0xD0: BEGIN_LONG, 0xD1: BEGIN_LONG}
_SIZED: Final = {0xA: SHORT, 0xB: LONG}
_ORDER: Final = (amqp10.HEADER, amqp10.ANNOTATIONS, amqp10.PROPERTIES, amqp10.APPLICATION, amqp10.DATA)
_IDS: Final = {0: "message_id", 5: "correlation_id", 6: "content_type"}
_OF_IDS: Final = amqp10.TEXTS | {0x98, amqp10.ULONG}
_BINARY: Final = (0xA0, 0xB0)
_CREATED, _GROUP = 9, 10
_TOLD_AMONG_HEADERS: Final = (("type", TYPE), ("app_id", APP_ID))


def shape_of(message: bytes) -> Shape | None:
    """The shape of a message; None where it has a section, an order or a value that no shape is made for.

    Raises:
        NonsenseError: It is no message of AMQP 1.0.
    """
    sections = list(amqp10.sections(message))
    numbers = [section.number for section in sections]
    if numbers != [number for number in _ORDER if number in numbers] or amqp10.DATA not in numbers:
        return None
    made = _Making(message)
    try:
        for section in sections:
            made.add(section)
    except _Unfit:
        return None
    return made.shape()


class _Unfit(Exception):
    """No shape is made for such a message."""


class _Making:
    def __init__(self, message: bytes) -> None:
        self._message = message
        self._steps: list[Step] = []
        self._names: list[str] = []
        self._keys: list[str] = []
        self._done = self._end = 0

    def shape(self) -> Shape:
        among = tuple((name, key) for name, key in _TOLD_AMONG_HEADERS if key in self._keys)
        end = self._message[self._done : self._end]
        return Shape(tuple(self._steps), end, tuple(self._names), tuple(self._keys), among)

    def add(self, section: Section) -> None:
        """Takes a section in; of the header all is constant, and of the body only where it begins."""
        number, value = section
        if number == amqp10.DATA:
            width = _SIZED.get(value.kind >> 4)
            if value.kind not in _BINARY or width is None:
                raise _Unfit
            self._end = value.begin - 1 - (1 if width == SHORT else 4)
            return
        if number == amqp10.HEADER or value.kind == 0x45:
            return
        width = _BEGIN.get(value.kind)
        if width is None:
            raise _Unfit
        self._step(value.begin - (1 if width == BEGIN_SHORT else 4), value.begin, width)
        parts = amqp10.elements(self._message, value)
        if number == amqp10.PROPERTIES:
            self._properties(parts)
        else:
            self._pairs(parts, is_headers=number == amqp10.APPLICATION)
        self._step(value.end, value.end, END)

    def _properties(self, parts: list[Part]) -> None:
        for place, part in enumerate(parts):
            wanted = _property(place, part.kind)
            if wanted is not None:
                self._names.append(wanted[0])
            self._value(part, wanted[1] if wanted is not None else None)

    def _pairs(self, parts: list[Part], *, is_headers: bool) -> None:
        for key, part in zip(parts[::2], parts[1::2], strict=True):
            name = self._message[key.begin : key.end]
            read: Read | None = None
            if is_headers:
                read = self._readable(part)
                self._keys.append(str(name, "utf-8", "surrogateescape"))
            elif key.kind in amqp10.TEXTS and name == TYPE.encode():
                read = self._readable(part)
                self._names.append("type")
            elif key.kind in amqp10.TEXTS and is_header(name):
                raise _Unfit
            self._value(part, read)
        if len(set(self._keys)) < len(self._keys) or (not is_headers and self._names.count("type") > 1):
            raise _Unfit

    def _readable(self, part: Part) -> Read:
        read = amqp10.reader_of(part.kind)
        if read is None or part.kind == amqp10.NULL:
            raise _Unfit
        return read

    def _value(self, part: Part, read: Read | None) -> None:
        """Takes in a value: its type is constant, and its content is not, but for a single byte that nobody wants."""
        if read is None and part.kind >> 4 == 0x5:
            return
        if part.kind >> 4 in (0x4, 0xC, 0xD, 0xE, 0xF):
            if read is not None or part.kind >> 4 != 0x4:
                raise _Unfit
            return
        width = _SIZED.get(part.kind >> 4)
        if width is None:
            self._step(part.begin, part.begin, part.end - part.begin, read)
        else:
            self._step(part.begin - (1 if width == SHORT else 4), part.begin, width, read)
        self._done = part.end

    def _step(self, constant_to: int, content_at: int, width: int, read: Read | None = None) -> None:
        self._steps.append(Step(self._message[self._done : constant_to], content_at - self._done, width, read))
        self._done = content_at


def _property(place: int, kind: int) -> tuple[str, Read] | None:
    """The name and the reader of one of the properties that are wanted."""
    read = amqp10.reader_of(kind)
    if place in _IDS and kind not in (amqp10.NULL, *_BINARY):
        if read is None or kind not in _OF_IDS:
            raise _Unfit
        return _IDS[place], _as_text(read) if kind == amqp10.ULONG else read
    if place == _CREATED and kind == amqp10.TIMESTAMP and read is not None:
        return "timestamp", _seconds
    if place == _GROUP and kind in amqp10.TEXTS and read is not None:
        return "app_id", read
    return None


def _as_text(read: Read) -> Read:
    return lambda data: str(read(data))


def _seconds(milliseconds: bytes) -> int:
    return int.from_bytes(milliseconds, "big", signed=True) // 1000
