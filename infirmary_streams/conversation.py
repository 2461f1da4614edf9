"""A connection on which one question is asked at a time and its answer awaited: to log in, to declare, to look."""

import contextlib
import itertools
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from infirmary_streams import codes, commands
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Answer, Endpoint, Placement, Tuned
from infirmary_streams.errors import BrokerClosedError, NonsenseError, RefusedError, StreamLostError
from infirmary_streams.frames import FrameReader
from infirmary_streams.heartbeats import HEARTBEAT_S

USER_TIMEOUT_MS = 60_000
_RECEIVE_BYTES = 1 << 16
_TRIED = 0
"""The publisher that only finds out whether it may be."""
_DETACHED = "the connection is somebody else's now"


class Conversation:
    """A connection that has logged in; every question ends within the timeout that it was opened with.

    Attributes:
        frame_max: The most bytes of a frame, as was agreed with the broker; 0 for no limit.
        advertised: Where the node says that it is; None where it does not say.
        of_broker: What the broker told about itself: `product`, `version`, `cluster_name` and others.
    """

    def __init__(self, address: StreamAddress, *, name: str, timeout_s: float) -> None:
        """Connects, logs in and enters the virtual host.

        Raises:
            StreamLostError: The broker is not there, does not answer, or does not let this account in.
        """
        self._timeout_s = timeout_s
        self._ids = itertools.count(1)
        self._reader = FrameReader()
        self._received: deque[tuple[int, bytes]] = deque()
        self._delivered: deque[bytes] = deque()
        self._socket: socket.socket | None = None
        try:
            self._socket = _connected(address, timeout_s)
            self.of_broker = self._log_in(address, name)
            self.frame_max = self._tune()
            opened = self.request(f"virtual host {address.virtual_host}", commands.open_host, address.virtual_host)
            self.advertised: Endpoint | None = commands.advertised(opened)
        except (OSError, ValueError, RefusedError, StreamLostError) as failed:
            self.drop()
            raise StreamLostError(
                f"connecting to the broker's streams at {address.endpoint} failed: {failed}"
            ) from failed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def placements(self, *streams: str) -> dict[str, Placement]:
        """Where streams are.

        Raises:
            StreamLostError: The connection is gone.
        """
        try:
            return commands.placements(self._ask(commands.metadata, streams))
        except NonsenseError as nonsense:
            raise StreamLostError(str(nonsense)) from nonsense

    def create(self, stream: str, arguments: Mapping[str, str]) -> None:
        """Makes a stream.

        Raises:
            RefusedError: The broker does not make it: one of its name may exist (codes.STREAM_EXISTS), or a queue, or a
                stream of another kind (codes.PRECONDITION_FAILED).
            StreamLostError: The connection is gone.
        """
        self.request(stream, commands.create, stream, arguments)

    def delete(self, stream: str) -> None:
        """Deletes a stream.

        Raises:
            RefusedError: The broker does not.
            StreamLostError: The connection is gone.
        """
        self.request(stream, commands.delete, stream)

    def may_publish(self, stream: str) -> None:
        """Makes sure that this account may publish to a stream.

        Raises:
            RefusedError: It may not (codes.ACCESS_REFUSED), or the stream does not exist or has no leader.
            StreamLostError: The connection is gone.
        """
        self.request(stream, commands.declare_publisher, _TRIED, stream)
        self.request(stream, commands.delete_publisher, _TRIED)

    def request(self, what: str, make: Callable[..., bytes], *arguments: object) -> Answer:
        """Asks for something, and gives the answer.

        Raises:
            RefusedError: The broker refuses it.
            StreamLostError: The connection is gone.
        """
        try:
            answered = commands.answer(self._ask(make, *arguments))
        except NonsenseError as nonsense:
            raise StreamLostError(str(nonsense)) from nonsense
        if answered.code != codes.OK:
            raise RefusedError(what, answered.code)
        return answered

    def write(self, frame: bytes) -> None:
        """Says something that is not answered.

        Raises:
            StreamLostError: The connection is gone.
        """
        try:
            self._open().settimeout(self._timeout_s)  # what is left of an answer's time is not this one's
            self._open().sendall(frame)
        except OSError as lost:
            raise StreamLostError(f"writing to the broker failed: {lost}") from lost

    def delivery(self, *, waits: bool) -> bytes | None:
        """The next delivery that came for a subscription; None when none has come and nobody waits.

        Raises:
            StreamLostError: None came in time, or the connection is gone.
        """
        if self._delivered or not waits:
            return self._delivered.popleft() if self._delivered else None
        self._await(codes.DELIVER, time.monotonic() + self._timeout_s)
        return self._delivered.popleft()

    def detach(self) -> tuple[socket.socket, FrameReader, list[tuple[int, bytes]]]:
        """Gives the socket away, with what was read ahead: the rest of a frame, and whole frames."""
        given, self._socket = self._open(), None
        return given, self._reader, list(self._received)

    def close(self) -> None:
        """Says goodbye and disconnects; raises nothing."""
        if self._socket is not None:
            with contextlib.suppress(StreamLostError, NonsenseError):
                self._ask(commands.close)
        self.drop()

    def drop(self) -> None:
        """Disconnects at once."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _log_in(self, address: StreamAddress, name: str) -> dict[str, str]:
        who = {"product": "infirmary", "platform": "Python", "connection_name": name}
        of_broker = self.request("peer properties", commands.peer_properties, who).fields.properties()
        offered = commands.mechanisms(self.request("SASL", commands.sasl_handshake))
        mechanism = "PLAIN" if address.user else "EXTERNAL"
        if mechanism not in offered:
            raise StreamLostError(f"the broker lets nobody log in by {mechanism}, only by {', '.join(offered)}")
        said = commands.plain(address.user, address.password) if address.user else b""
        self.request(
            f"user {address.user}" if address.user else "certificate", commands.sasl_authenticate, mechanism, said
        )
        return of_broker

    def _tune(self) -> int:
        offered = commands.tuned(self._await(codes.TUNE, time.monotonic() + self._timeout_s))
        self.write(commands.tune(Tuned(offered.frame_max, HEARTBEAT_S)))
        return offered.frame_max

    def _ask(self, make: Callable[..., bytes], *arguments: object) -> bytes:
        correlation_id = next(self._ids)
        ends_at = time.monotonic() + self._timeout_s
        asked = make(correlation_id, *arguments)
        key = int.from_bytes(asked[4:6], "big")
        self.write(asked)
        while True:
            payload = self._await(key | codes.RESPONSE, ends_at)
            if int.from_bytes(payload[:4], "big") == correlation_id:
                return payload

    def _await(self, key: int, ends_at: float) -> bytes:
        """Reads until a frame of this kind comes; what the broker says unasked is of no interest here."""
        while True:
            while self._received:
                came, payload = self._received.popleft()
                if came == codes.DELIVER:
                    self._delivered.append(payload)
                if came == key:
                    return payload
                if came == codes.CLOSE:
                    _, code, reason = commands.closed(payload)
                    raise BrokerClosedError(code, reason)
            self._receive(ends_at)

    def _receive(self, ends_at: float) -> None:
        try:
            self._open().settimeout(max(0.001, ends_at - time.monotonic()))
            data = self._open().recv(_RECEIVE_BYTES)
        except TimeoutError as late:
            raise StreamLostError(f"the broker did not answer within {self._timeout_s:g} s") from late
        except OSError as lost:
            raise StreamLostError(f"reading from the broker failed: {lost}") from lost
        if not data:
            raise StreamLostError("the broker closed the connection")
        try:
            self._received.extend(self._reader.feed(data))
        except NonsenseError as nonsense:
            raise StreamLostError(f"what answers does not speak the stream protocol: {nonsense}") from nonsense

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise StreamLostError(_DETACHED)
        return self._socket


def _connected(address: StreamAddress, timeout_s: float) -> socket.socket:
    connected = socket.create_connection((address.host, address.port), timeout_s)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        if address.tls:
            return address.context().wrap_socket(connected, server_hostname=address.host)
    except BaseException:
        connected.close()
        raise
    return connected
