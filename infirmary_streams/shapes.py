"""Messages of one shape: the same sections with the same keys and types, in which only contents and lengths differ.

A publisher's messages have few shapes. One that was read value by value tells where the next one's values are: so its
constant bytes are compared as a whole, and only what is wanted is looked at. Whatever does not fit exactly is read
value by value again, so that both ways give the same. Pure.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from infirmary_streams import amqp10
from infirmary_streams.received import Received, received

SHORT, LONG = 0, -1
"""Widths of values that tell how long they are, in one byte or in four."""
BEGIN_SHORT, BEGIN_LONG = -2, -3
"""Where the content of a list or map begins, with its size in one byte or in four."""
END = -4
"""Where it ends."""
_SHORT_BODY, _LONG_BODY = 0xA0, 0xB0
_MOST_SHAPES: Final = 8
_MADE_ON_TRIAL: Final = 64
"""So many shapes are made before it counts whether messages have been of them."""

Read = Callable[[bytes], Any]
read_text = amqp10.reader_of(0xA1)


class Step(NamedTuple):
    """A part of a message.

    Attributes:
        constant: What it begins with.
        size: How far from its beginning the value's content is.
        width: How wide that is.
        read: Makes it a value of Python; None where nobody wants it.
    """

    constant: bytes
    size: int
    width: int
    read: Read | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the values of such messages are.

    Attributes:
        steps: What stands before the body, in its order.
        end: Constant bytes that follow the last step, up to the body's type.
        names: Of the properties whose values the first steps read.
        keys: Of the headers whose values the others read.
        among_headers: Names of properties that stand among the headers, with their keys.
    """

    steps: tuple[Step, ...]
    end: bytes
    names: tuple[str, ...]
    keys: tuple[str, ...]
    among_headers: tuple[tuple[str, str], ...]

    def read(self, message: bytes) -> Received | None:
        """Reads a message; None when it is of another shape, or none at all."""
        try:
            found: list[Any] = []
            body_at = self._values(message, found)
        except (IndexError, ValueError, struct.error):
            return None
        if body_at is None:
            return None
        count = len(self.names)
        properties = dict(zip(self.names, found[:count], strict=True))
        headers = dict(zip(self.keys, found[count:], strict=True))
        for name, key in self.among_headers:
            properties[name] = headers.pop(key)
        properties["application_headers"] = headers
        return Received(properties, message[body_at:])

    def _values(self, message: bytes, found: list[Any]) -> int | None:
        """Adds the wanted values to those found; returns where the body begins."""
        characters = str(message, "latin-1")
        at = ends_at = 0
        add = found.append
        for constant, size, width, read in self.steps:
            if not message.startswith(constant, at):
                return None
            begin = at + size
            if width == SHORT:
                at = begin + message[begin - 1]
            elif width > 0:
                at = begin + width
            elif width == END:
                at = begin
                if at != ends_at:
                    return None
            elif width == LONG:
                at = begin + int.from_bytes(message[begin - 4 : begin], "big")
            elif width == BEGIN_SHORT:
                ends_at = (at := begin) + message[begin - 1]
            else:
                ends_at = (at := begin) + int.from_bytes(message[begin - 4 : begin], "big")
            if read is read_text and (value := characters[begin:at]).isascii():
                add(value)
            elif read is not None:
                add(read(message[begin:at]))
        return self._body_at(message, at)

    def _body_at(self, message: bytes, at: int) -> int | None:
        if not message.startswith(self.end, at):
            return None
        begin = at + len(self.end) + 1
        kind = message[begin - 1]
        if kind == _SHORT_BODY:
            size, begin = message[begin], begin + 1
        elif kind == _LONG_BODY:
            size, begin = int.from_bytes(message[begin : begin + 4], "big"), begin + 4
        else:
            return None
        return begin if begin + size == len(message) else None


class Shapes:
    """The shapes of a log's messages that came last; a log of ever new ones is read value by value."""

    def __init__(self, make: Callable[[bytes], Shape | None]) -> None:
        self._make = make
        self._shapes: list[Shape] = []
        self._fitted = self._made = 0

    def received(self, message: bytes) -> Received:
        """Reads a message, as `received.received` does.

        Raises:
            NonsenseError: It is none of AMQP 1.0, or its body is no bytes.
        """
        for index, shape in enumerate(self._shapes):
            fits = shape.read(message)
            if fits is not None:
                self._fitted += 1
                if index:
                    self._shapes.insert(0, self._shapes.pop(index))
                return fits
        read = received(message)
        if self._made <= _MADE_ON_TRIAL + self._fitted:
            self._made += 1
            made = self._make(message)
            if made is not None:
                self._shapes = [made, *self._shapes[: _MOST_SHAPES - 1]]
        return read
