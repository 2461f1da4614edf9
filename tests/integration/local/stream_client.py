"""The least that RabbitMQ's stream protocol takes to try who may do what: a few requests, one at a time.

Written for these tests alone, from the protocol's description, so that a mistake of the client that the hospital uses
does not hide one of the broker's configuration.
"""

import socket
import struct
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

OK = 0x01
NO_SUCH_STREAM = 0x02
ACCESS_REFUSED = 0x10

_DECLARE_PUBLISHER, _PUBLISH, _CONFIRM, _SUBSCRIBE, _DELIVER = 0x01, 0x02, 0x03, 0x07, 0x08
_CREATE, _DELETE, _METADATA = 0x0D, 0x0E, 0x0F
_PEER_PROPERTIES, _SASL_HANDSHAKE, _SASL_AUTHENTICATE, _TUNE, _OPEN = 0x11, 0x12, 0x13, 0x14, 0x15
_IS_ANSWER = 0x8000
_FIRST, _CREDIT_CHUNKS = 1, 10

Node = tuple[str, int]


class StreamClient:
    """A connection of one user to one node; each request waits for its answer."""

    def __init__(self, url: str, port: int) -> None:
        """Connects as RABBITMQ_URL and RABBITMQ_STREAM_PORT say, and opens the virtual host.

        Raises:
            OSError: Nobody answers there.
            AssertionError: The broker refuses the user or the virtual host.
        """
        at = urlsplit(url)
        self._socket = socket.create_connection((at.hostname, port), timeout=10)
        self._correlation = 0
        assert self._ask(_PEER_PROPERTIES, _int(0)) == OK
        assert self._ask(_SASL_HANDSHAKE) == OK
        assert self._ask(_SASL_AUTHENTICATE, _text("PLAIN"), _bytes(f"\0{at.username}\0{at.password}".encode())) == OK
        self.frame_max_bytes, _heartbeat_s = struct.unpack(">II", self._wait_for(_TUNE))
        self._send(struct.pack(">HHII", _IS_ANSWER | _TUNE, 1, self.frame_max_bytes, 0))
        assert self._ask(_OPEN, _text(at.path[1:])) == OK

    def create(self, stream: str, **arguments: str) -> int:
        """Creates a stream and returns the broker's answer."""
        return self._ask(_CREATE, _text(stream), _pairs(arguments))

    def delete(self, stream: str) -> int:
        """Deletes a stream and returns the broker's answer."""
        return self._ask(_DELETE, _text(stream))

    def publish(self, stream: str, body: bytes) -> int:
        """Publishes a message and waits until it is confirmed; returns why the broker does not let it."""
        answer = self._ask(_DECLARE_PUBLISHER, b"\0", _text(""), _text(stream))
        if answer == OK:
            message = b"\0\x53\x75\xb0" + _bytes(body)  # the data section of an AMQP 1.0 message
            self._send(struct.pack(">HHBIQ", _PUBLISH, 1, 0, 1, 7) + _bytes(message))
            assert self._wait_for(_CONFIRM) == struct.pack(">BIQ", 0, 1, 7)
        return answer

    def subscribe(self, stream: str) -> int:
        """Asks for a stream from its first message on and returns the broker's answer."""
        return self._ask(
            _SUBSCRIBE, struct.pack(">B", 1), _text(stream), struct.pack(">HHI", _FIRST, _CREDIT_CHUNKS, 0)
        )

    def next_chunk(self) -> bytes:
        """Waits for what a subscription brings next: a chunk of messages, as it lies on the disk."""
        return self._wait_for(_DELIVER)

    def leader(self, stream: str) -> Node | None:
        """Returns where the node is to be found that leads a stream, as it advertises itself; None where none does."""
        metadata = self._metadata(stream)
        return metadata[0] if metadata else None

    def replicas(self, stream: str) -> set[Node]:
        """Returns where the nodes are that follow the leader."""
        metadata = self._metadata(stream)
        return metadata[1] if metadata else set()

    def _metadata(self, stream: str) -> tuple[Node | None, set[Node]] | None:
        answer = _Reader(self._request(_METADATA, _int(1), _text(stream)))
        nodes: dict[int, Node] = {}
        for _ in range(answer.uint32()):
            reference, host, port = answer.uint16(), answer.text(), answer.uint32()
            nodes[reference] = (host, port)
        assert (answer.uint32(), answer.text()) == (1, stream)
        if answer.uint16() != OK:
            return None
        leader = nodes.get(answer.uint16())
        return leader, {nodes[reference] for reference in (answer.uint16() for _ in range(answer.uint32()))}

    def _ask(self, key: int, *content: bytes) -> int:
        return _Reader(self._request(key, *content)).uint16()

    def _request(self, key: int, *content: bytes) -> bytes:
        self._correlation += 1
        self._send(struct.pack(">HHI", key, 1, self._correlation) + b"".join(content))
        answer = self._wait_for(_IS_ANSWER | key)
        assert answer[:4] == _int(self._correlation)
        return answer[4:]

    def _send(self, frame: bytes) -> None:
        self._socket.sendall(_bytes(frame))

    def _wait_for(self, wanted: int) -> bytes:
        """Returns the rest of the next frame of this kind; others, such as heartbeats, are not looked at."""
        while True:
            (size,) = struct.unpack(">I", self._receive(4))
            frame = self._receive(size)
            key, _version = struct.unpack_from(">HH", frame)
            if key == wanted:
                return frame[4:]

    def _receive(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            part = self._socket.recv(size - len(received))
            if not part:
                raise ConnectionResetError("the broker has closed the connection")
            received += part
        return received

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


class _Reader:
    """Takes one value after the other from the front of an answer."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def uint16(self) -> int:
        return self._take(">H")

    def uint32(self) -> int:
        return self._take(">I")

    def text(self) -> str:
        size = self.uint16()
        self._at += size
        return self._content[self._at - size : self._at].decode()

    def _take(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._content, self._at)
        self._at += struct.calcsize(form)
        return int(value)


def _int(value: int) -> bytes:
    return struct.pack(">I", value)


def _bytes(value: bytes) -> bytes:
    return _int(len(value)) + value


def _text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def _pairs(pairs: Mapping[str, str]) -> bytes:
    return _int(len(pairs)) + b"".join(_text(name) + _text(value) for name, value in pairs.items())
