"""Explains a header of either version of the outbox contract. Pure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from infirmary_relay.headers import content_header as amqp
from infirmary_relay.headers.allowed import PROPERTIES, check_count, check_pair, check_property
from infirmary_relay.headers.explanation import (
    ANNOTATIONS,
    APPLICATION,
    HEADERS,
    Explanation,
    Field,
    Place,
    wrong_in_attributes,
    wrong_in_seconds,
)
from infirmary_relay.headers.explanation import PROPERTIES as AMONG_PROPERTIES
from infirmary_relay.headers.forms import Forms
from infirmary_relay.headers.from_version_1 import check_body, properties_of
from infirmary_streams import amqp10
from infirmary_streams.amqp10 import Part
from infirmary_streams.errors import NonsenseError
from infirmary_streams.sections import APP_ID, TYPE

_SECTIONS: Final = {
    amqp10.ANNOTATIONS: ANNOTATIONS,
    amqp10.PROPERTIES: AMONG_PROPERTIES,
    amqp10.APPLICATION: APPLICATION,
}
_KINDS: Final = {
    0x40: "null",
    0x41: "true",
    0x42: "false",
    0x50: "ubyte",
    0x51: "byte",
    0x54: "int",
    0x55: "long",
    0x61: "short",
    0x71: "int",
    0x81: "long",
    0x82: "double",
    0x83: "timestamp",
    0x98: "uuid",
    0xA0: "binary",
    0xA1: "string",
    0xA3: "symbol",
    0xB0: "binary",
    0xB1: "string",
    0xB3: "symbol",
}
_PLACES_2: Final[dict[str, Place]] = {
    "id": (AMONG_PROPERTIES, "message-id"),
    "source": (AMONG_PROPERTIES, "group-id"),
    "type": (ANNOTATIONS, TYPE),
    "subject": (APPLICATION, "subject"),
    "time": (APPLICATION, "time"),
    "content type": (AMONG_PROPERTIES, "content-type"),
    "sequence": (APPLICATION, "sequence"),
}
_PLACES_1: Final[dict[str, Place]] = {
    "id": (AMONG_PROPERTIES, "message_id"),
    "source": (AMONG_PROPERTIES, "app_id"),
    "type": (AMONG_PROPERTIES, "type"),
    "subject": (HEADERS, "subject"),
    "time": (HEADERS, "time"),
    "content type": (AMONG_PROPERTIES, "content_type"),
    "sequence": (HEADERS, "sequence"),
}
_TWICE: Final = ((TYPE, (ANNOTATIONS, TYPE)), (APP_ID, (AMONG_PROPERTIES, "group-id")))
_PERSISTENT: Final = 2
_OF_SIZES: Final = (
    "A size counts all bytes behind it, and that of the application properties the 8 of the sequence as well, before "
    "they are there"
)
_NAMES_1: Final = {
    amqp.CONTENT_TYPE: "content_type",
    amqp.CONTENT_ENCODING: "content_encoding",
    amqp.DELIVERY_MODE: "delivery_mode",
    amqp.PRIORITY: "priority",
    amqp.CORRELATION_ID: "correlation_id",
    amqp.REPLY_TO: "reply_to",
    amqp.EXPIRATION: "expiration",
    amqp.MESSAGE_ID: "message_id",
    amqp.TIMESTAMP: "timestamp",
    amqp.TYPE: "type",
    amqp.USER_ID: "user_id",
    amqp.APP_ID: "app_id",
}


def explained(header: bytes, body_bytes: int | None = None, columns: Mapping[str, Any] | None = None) -> Explanation:
    """Says what a header holds, and what is wrong in it.

    Args:
        header: As the outbox has it.
        body_bytes: How large its body is, where that is known.
        columns: What the row's other columns say of its id, type, subject and sequence, where that is known.
    """
    said = _explained(header, body_bytes)
    places = _PLACES_1 if said.version == 1 else _PLACES_2
    for attribute, expected in (columns or {}).items() if said.fields else ():
        if (told := said.value(places[attribute])) != expected:
            name = places[attribute][1]
            said.wrong.append(f"its {name} is {told!r:.60}, and the row's column says {expected!r:.60}")
    return said


def _explained(header: bytes, body_bytes: int | None) -> Explanation:
    if amqp.is_content_header(header):
        return _version_1(header, body_bytes)
    if not amqp.are_sections(header):
        begins = header[:3].hex(" ") or "nothing"
        return Explanation(
            None, [], [f"it begins with {begins}: one of version 2 with 00 53 72, of version 1 with 00 3c"]
        )
    return _version_2(header)


def _version_2(header: bytes) -> Explanation:
    said = Explanation(2, [], [])
    where = "its beginning"
    try:
        for number, value in amqp10.sections(header):
            if number not in _SECTIONS:
                said.wrong.append(f"a section with the code {number:02x} does not belong in a header")
                continue
            where = f"its {_SECTIONS[number]}"
            _read_section(header, number, value, said)
            where = f"what stands behind its {_SECTIONS[number]}"
    except NonsenseError as odd:
        said.wrong.append(f"{where} cannot be read: {odd}. {_OF_SIZES}")
    else:
        said.wrong.extend(_wrong_in_version_2(said))
    try:
        Forms().check(header)
    except ValueError as refused:  # what the relay refuses is wrong, whatever was looked at before
        if not said.wrong:
            said.wrong.append(str(refused))
    return said


def _read_section(header: bytes, number: int, section: Part, said: Explanation) -> None:
    parts, name_of_section = amqp10.elements(header, section), _SECTIONS[number]
    if number == amqp10.PROPERTIES:
        with _told_in(said):
            check_count(parts)
        for (name, kind), part in zip(PROPERTIES, parts, strict=False):
            _tell(said, name_of_section, name, header, part)
            with _told_in(said):
                check_property(name, kind, part)
        return
    for key, part in zip(parts[::2], parts[1::2], strict=False):
        data = header[key.begin : key.end]
        _tell(said, name_of_section, data.decode(errors="replace"), header, part)
        with _told_in(said):
            check_pair(number, key, data, header[part.begin : part.end], part)


@contextmanager
def _told_in(said: Explanation) -> Iterator[None]:
    """Tells what a check of the relay's finds, and goes on."""
    try:
        yield
    except (NonsenseError, ValueError) as odd:
        said.wrong.append(str(odd))


def _tell(said: Explanation, section: str, name: str, header: bytes, part: Part) -> None:
    if part.kind == amqp10.NULL and section == AMONG_PROPERTIES:
        return
    kind = f"{_KINDS.get(part.kind, 'another type')} {part.kind:02x}"
    said.fields.append(Field(section, name, kind, amqp10.value_of(header, part)))


def _wrong_in_version_2(said: Explanation) -> list[str]:
    wrong = wrong_in_attributes(said, _PLACES_2)
    if said.value((ANNOTATIONS, "x-basic-delivery-mode")) is None:
        wrong.append(f"its x-basic-delivery-mode is missing among the {ANNOTATIONS}: 2, a ubyte (50 02)")
    for name, place in _TWICE:
        if (other := said.value((APPLICATION, name))) != said.value(place):
            what = "missing" if other is None else f"{other!r:.60}"
            wrong.append(f"its {name} among the {APPLICATION} is {what}, and its {place[1]} {said.value(place)!r:.60}")
    created = said.value((AMONG_PROPERTIES, "creation-time"))
    if created is None:
        wrong.append(
            f"its creation-time is missing among the {AMONG_PROPERTIES}: milliseconds since 1970, a timestamp (83)"
        )
    else:
        wrong += wrong_in_seconds("creation-time", created / 1000, said.value(_PLACES_2["time"]))
    if said.value(_PLACES_2["sequence"]) is not None:
        last = said.fields[-1]
        if (last.section, last.name) != _PLACES_2["sequence"] or last.kind != "long 81":
            wrong.append(f"its sequence is not the last of the {APPLICATION}, as a long (81) of 8 bytes")
    return wrong


def _version_1(header: bytes, body_bytes: int | None) -> Explanation:
    said = Explanation(1, [], [])
    if body_bytes is not None:
        with _told_in(said):
            check_body(header, body_bytes)
    try:
        told = properties_of(header)
    except ValueError as odd:
        said.wrong.append(str(odd))
        return said
    for flag, value in told.items():
        if flag == amqp.HEADERS:
            said.fields.extend(Field(HEADERS, name, type(each).__name__, each) for name, each in value.items())
        else:
            said.fields.append(Field(AMONG_PROPERTIES, _NAMES_1[flag], type(value).__name__, value))
    said.wrong.extend(wrong_in_attributes(said, _PLACES_1))
    if said.value((AMONG_PROPERTIES, "delivery_mode")) != _PERSISTENT:
        said.wrong.append("its delivery_mode is not 2: the message would not be persistent")
    stamp = said.value((AMONG_PROPERTIES, "timestamp"))
    said.wrong.extend(wrong_in_seconds("timestamp", stamp, said.value(_PLACES_1["time"])))
    return said
