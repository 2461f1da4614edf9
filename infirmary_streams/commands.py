"""Requests and their answers, one function for each. Pure."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from infirmary_streams import codes
from infirmary_streams.frames import Fields, command, data, properties, request, text, texts


class Answer(NamedTuple):
    """What every answer begins with; `fields` is at what follows."""

    correlation_id: int
    code: int
    fields: Fields


class Endpoint(NamedTuple):
    """Where a node of the broker says that it can be reached."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Placement:
    """What the broker knows of a stream.

    Attributes:
        code: codes.OK when it is there.
        leader: Its leader; None while it has none.
        replicas: Those of its other replicas that run.
    """

    code: int
    leader: Endpoint | None = None
    replicas: list[Endpoint] = field(default_factory=list)


class Tuned(NamedTuple):
    """The largest frame in bytes and the heartbeat in seconds; 0 is no limit, and no heartbeat."""

    frame_max: int
    heartbeat_s: int


def answer(payload: bytes) -> Answer:
    """Reads the beginning of an answer that has a response code."""
    fields = Fields(payload)
    return Answer(fields.number(4), fields.number(2), fields)


def peer_properties(correlation_id: int, of_client: Mapping[str, str]) -> bytes:
    """Tells who we are; the answer is the broker's properties."""
    return request(codes.PEER_PROPERTIES, correlation_id, properties(of_client))


def sasl_handshake(correlation_id: int) -> bytes:
    """Asks for the mechanisms by which one may log in."""
    return request(codes.SASL_HANDSHAKE, correlation_id)


def mechanisms(answered: Answer) -> list[str]:
    """The mechanisms."""
    return [answered.fields.text() for _ in range(answered.fields.count())]


def sasl_authenticate(correlation_id: int, mechanism: str, response: bytes) -> bytes:
    """Logs in."""
    return request(codes.SASL_AUTHENTICATE, correlation_id, text(mechanism) + data(response))


def plain(user: str, password: str) -> bytes:
    """What the mechanism PLAIN says (RFC 4616)."""
    return f"\0{user}\0{password}".encode()


def tuned(payload: bytes) -> Tuned:
    """Reads a tune command."""
    fields = Fields(payload)
    return Tuned(fields.number(4), fields.number(4))


def tune(agreed: Tuned) -> bytes:
    """Answers the broker's tune command."""
    return command(codes.TUNE, struct.pack(">II", *agreed))


def open_host(correlation_id: int, virtual_host: str) -> bytes:
    """Enters a virtual host; the answer's properties tell where this node says that it is."""
    return request(codes.OPEN, correlation_id, text(virtual_host))


def advertised(answered: Answer) -> Endpoint | None:
    """Where the node that answered `open_host` says that it is; the field may be missing as a whole."""
    told = answered.fields.properties() if answered.fields.are_left else {}
    port = told.get("advertised_port", "")
    return Endpoint(told["advertised_host"], int(port)) if "advertised_host" in told and port.isdecimal() else None


def create(correlation_id: int, stream: str, arguments: Mapping[str, str]) -> bytes:
    """Makes a stream; one that is there with other arguments is refused with codes.PRECONDITION_FAILED."""
    return request(codes.CREATE, correlation_id, text(stream) + properties(arguments))


def delete(correlation_id: int, stream: str) -> bytes:
    """Deletes a stream."""
    return request(codes.DELETE, correlation_id, text(stream))


def metadata(correlation_id: int, streams: Sequence[str]) -> bytes:
    """Asks where streams are."""
    return request(codes.METADATA, correlation_id, texts(streams))


def placements(payload: bytes) -> dict[str, Placement]:
    """Reads the answer to `metadata`, which has no response code of its own."""
    fields = Fields(payload)
    fields.number(4)
    nodes = {fields.number(2): Endpoint(fields.text(), fields.number(4)) for _ in range(fields.count())}
    found = {}
    for _ in range(fields.count()):
        stream, code, leader = fields.text(), fields.number(2), fields.number(2)
        replicas = [fields.number(2) for _ in range(fields.count())]
        found[stream] = Placement(code, nodes.get(leader), [nodes[each] for each in replicas if each in nodes])
    return found


def metadata_update(payload: bytes) -> tuple[int, str]:
    """Reads what the broker says, unasked, of a stream: a code and its name."""
    fields = Fields(payload)
    return fields.number(2), fields.text()


def declare_publisher(correlation_id: int, publisher_id: int, stream: str) -> bytes:
    """Makes ready to publish to a stream, without a reference: the broker drops no message for its publishing id."""
    return request(codes.DECLARE_PUBLISHER, correlation_id, bytes((publisher_id,)) + text("") + text(stream))


def delete_publisher(correlation_id: int, publisher_id: int) -> bytes:
    """Ends what `declare_publisher` began."""
    return request(codes.DELETE_PUBLISHER, correlation_id, bytes((publisher_id,)))


def close(correlation_id: int, code: int = codes.OK, reason: str = "bye") -> bytes:
    """Ends the connection."""
    return request(codes.CLOSE, correlation_id, struct.pack(">H", code) + text(reason))


def closed(payload: bytes) -> tuple[int, int, str]:
    """Reads why the broker ends the connection: correlation id, code and its words."""
    fields = Fields(payload)
    return fields.number(4), fields.number(2), fields.text()


def close_answer(correlation_id: int) -> bytes:
    """Answers the broker's close."""
    return request(codes.CLOSE | codes.RESPONSE, correlation_id, struct.pack(">H", codes.OK))


HEARTBEAT_FRAME = command(codes.HEARTBEAT)
