"""A message as its readers see it, from whichever protocol it came into the log. Pure."""

from typing import Any, Final, NamedTuple

from infirmary_streams import amqp10
from infirmary_streams.amqp10 import Part
from infirmary_streams.errors import NonsenseError
from infirmary_streams.sections import APP_ID, TYPE

_BINARY: Final = frozenset({0xA0, 0xB0})
_TYPE: Final = TYPE.encode()
_BROKERS_OWN: Final = frozenset({b"x-exchange", b"x-routing-key", b"x-death"})
_BROKERS_OWN_PREFIXES: Final = (b"x-basic-", b"x-opt-")
"""Annotations in which RabbitMQ keeps what is no header."""
_MESSAGE_ID, _CORRELATION_ID, _CONTENT_TYPE, _CREATED, _GROUP = 0, 5, 6, 9, 10


class Received(NamedTuple):
    """Properties by the names that AMQP 0-9-1 gives them, the headers under `application_headers`; and the body."""

    properties: dict[str, Any]
    body: bytes


def received(message: bytes) -> Received:
    """Reads a message.

    Raises:
        NonsenseError: It is none of AMQP 1.0, or its body is no bytes.
    """
    properties: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    bodies: list[bytes] = []
    for number, value in amqp10.sections(message):
        if number == amqp10.DATA:
            if value.kind not in _BINARY:
                raise NonsenseError(f"a body of type {value.kind:#x}, which is not binary")
            bodies.append(message[value.begin : value.end])
        elif number == amqp10.APPLICATION:
            headers |= amqp10.mapping(message, value)
        elif number == amqp10.PROPERTIES:
            properties |= _properties(message, amqp10.elements(message, value))
        elif number == amqp10.ANNOTATIONS:
            _read_annotations(message, value, properties, headers)
        elif number in (amqp10.SEQUENCE, amqp10.VALUE):
            raise NonsenseError("its body is a value of AMQP 1.0, and no bytes")
    for name, key in (("type", TYPE), ("app_id", APP_ID)):
        if key in headers:
            properties[name] = headers.pop(key)
    return Received(properties | {"application_headers": headers}, b"".join(bodies))


def is_header(annotation: bytes) -> bool:
    """Says whether an annotation of this name is a header whose name begins with x-."""
    theirs = annotation.startswith(_BROKERS_OWN_PREFIXES) or annotation in _BROKERS_OWN
    return annotation.startswith(b"x-") and not theirs


def _properties(message: bytes, values: list[Part]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, at in (("message_id", _MESSAGE_ID), ("correlation_id", _CORRELATION_ID), ("content_type", _CONTENT_TYPE)):
        if at < len(values) and values[at].kind != amqp10.NULL:
            value = amqp10.value_of(message, values[at])
            # A message id may be bytes as well: AMQP 0-9-1 has no such ids.
            found |= {name: str(value)} if isinstance(value, str | int) else {}
    if len(values) > _CREATED and values[_CREATED].kind == amqp10.TIMESTAMP:
        found["timestamp"] = amqp10.value_of(message, values[_CREATED]) // 1000
    if len(values) > _GROUP and values[_GROUP].kind in amqp10.TEXTS:
        found["app_id"] = amqp10.value_of(message, values[_GROUP])
    return found


def _read_annotations(message: bytes, section: Part, properties: dict[str, Any], headers: dict[str, Any]) -> None:
    """Reads the type, and the headers that begin with x-: from RabbitMQ 3.13 these become annotations.

    Keys of other types, which AMQP 1.0 has as well, are passed over.
    """
    found = iter(amqp10.elements(message, section))
    for key in found:
        value = next(found)
        name = message[key.begin : key.end] if key.kind in amqp10.TEXTS else b""
        if name == _TYPE:
            properties["type"] = amqp10.value_of(message, value)
        elif is_header(name):
            headers[amqp10.value_of(message, key)] = amqp10.value_of(message, value)
