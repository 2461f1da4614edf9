"""A form of sections as a content header of AMQP 0-9-1: what is the same in each message, and where values go. Pure."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from infirmary_relay.headers import content_header as amqp
from infirmary_relay.headers.form import GROUP_ID, Form, Found
from infirmary_streams import amqp10
from infirmary_streams.sections import APP_ID, TYPE

_MESSAGE_ID, _REPLY_TO, _CORRELATION_ID, _CONTENT_TYPE, _CONTENT_ENCODING, _CREATED = 0, 4, 5, 6, 7, 9
_PERSISTENT: Final = b"\x02"

_Piece: TypeAlias = bytes | int | tuple[int, Callable[[bytes], bytes]]
"""Bytes as they are, a group of the pattern, or a group and what is made of it."""


class Template(NamedTuple):
    """A content header with places for values: the groups that stand there, and what is first made of some of them."""

    text: bytes
    groups: tuple[int, ...]
    conversions: list[tuple[int, Callable[[bytes], bytes]]]

    @classmethod
    def of(cls, pieces: list[_Piece]) -> "Template":
        """Puts pieces together."""
        text = b""
        groups: list[int] = []
        conversions: list[tuple[int, Callable[[bytes], bytes]]] = []
        for piece in pieces:
            if isinstance(piece, bytes):
                text += piece.replace(b"%", b"%%")
                continue
            text += b"%b"
            if isinstance(piece, tuple):
                conversions.append((len(groups), piece[1]))
            groups.append(piece if isinstance(piece, int) else piece[0])
        return cls(text, tuple(groups), conversions)

    def filled(self, match: re.Match[bytes] | None) -> bytes:
        """Puts a message's values in their places."""
        values = [match[group] for group in self.groups] if match else []
        for at, convert in self.conversions:
            values[at] = convert(values[at])
        return self.text % tuple(values)


def template_of(form: Form) -> Template:
    """What a content header of this form is put together of, behind its prefix."""
    application = dict(form.application)
    kind = application.pop(TYPE.encode(), None) or form.annotations.get(TYPE.encode())
    source = application.pop(APP_ID.encode(), None) or _property(form, GROUP_ID)
    table: list[_Piece] = []
    for key, value in application.items():
        table += [bytes((len(key),)), key, *_field(form, value)]
    created = _property(form, _CREATED)
    first = form.pattern.fullmatch(form.first)
    properties: list[tuple[int, list[_Piece]]] = [
        (amqp.CONTENT_TYPE, _short(form, _property(form, _CONTENT_TYPE))),
        (amqp.CONTENT_ENCODING, _short(form, _property(form, _CONTENT_ENCODING))),
        (amqp.HEADERS, [len(Template.of(table).filled(first)).to_bytes(4, "big"), *table]),
        (amqp.DELIVERY_MODE, [_PERSISTENT]),
        (amqp.CORRELATION_ID, _short(form, _property(form, _CORRELATION_ID))),
        (amqp.REPLY_TO, _short(form, _property(form, _REPLY_TO))),
        (amqp.MESSAGE_ID, _short(form, _property(form, _MESSAGE_ID))),
        (amqp.TIMESTAMP, [(created.group, _seconds)] if created and created.group else []),
        (amqp.TYPE, _short(form, kind)),
        (amqp.APP_ID, _short(form, source)),
    ]
    flags = sum(flag for flag, pieces in properties if pieces)
    return Template.of([flags.to_bytes(2, "big"), *(piece for _, pieces in properties for piece in pieces)])


def _property(form: Form, at: int) -> Found | None:
    return form.properties[at] if at < len(form.properties) and form.properties[at].part.kind != amqp10.NULL else None


def _short(form: Form, value: Found | None) -> list[_Piece]:
    """A property: a text of at most 255 bytes, as `allowed` makes sure."""
    if value is None:
        return []
    data = form.first[value.part.begin : value.part.end]
    return [bytes((len(data),)), value.group or data]


def _seconds(data: bytes) -> bytes:
    return max(0, int.from_bytes(data, "big", signed=True) // 1000).to_bytes(8, "big")


_SAME_BYTES: Final = {
    0x81: b"l",
    0x71: b"I",
    0x61: b"s",
    0x51: b"b",
    0x50: b"B",
    0x54: b"b",
    0x55: b"b",
    0x82: b"d",
}
"""Types that are the same bytes in both, but for the letter before them: specification of 0-9-1, section 4.2.1, with
the errata that RabbitMQ keeps to."""
_CONSTANT: Final = {0x40: b"V", 0x41: b"t\x01", 0x42: b"t\x00"}


def _field(form: Form, value: Found) -> list[_Piece]:
    """A value of the table, behind its key; `allowed` lets no others in."""
    kind, length = value.part.kind, value.part.end - value.part.begin
    if kind in _CONSTANT:
        return [_CONSTANT[kind]]
    if kind in amqp10.TEXTS or kind in (0xA0, 0xB0):
        letter = b"S" if kind in amqp10.TEXTS else b"x"
        return [letter + length.to_bytes(4, "big"), *([value.group] if value.group else [])]
    return [_SAME_BYTES[kind], value.group or form.first[value.part.begin : value.part.end]]
