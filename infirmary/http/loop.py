"""The loop that reads what clients send, however slowly, and sends what they are slow to read.

No client can hold it up: nothing here waits for one. Whole requests are handed to `work`; whoever has done that hands
the connection back with its answer.
"""

import contextlib
import errno
import logging
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from infirmary.http.certificate import Certificate
from infirmary.http.connection import Connection, State
from infirmary.http.incoming import Refused, Whole
from infirmary.http.limits import LARGEST_UNSENT_BYTES, most_connections
from infirmary.http.refusals import refusal
from infirmary.http.secure_connection import SecureConnection, SpokePlainly

_logger = logging.getLogger(__name__)

KEEPALIVE_S = 30.0
"""How long a connection may be silent between requests, or before its first."""

REQUEST_WITHIN_S = 10.0
"""From a request's first byte to its last."""

GREETED_WITHIN_S = 10.0
"""How long a client may take to agree on keys, where the API speaks TLS."""

READ_WITHIN_S = 30.0
"""How long a client may take to read an answer that is larger than the network holds."""

_LINGER_S = 2.0
_LOOK_EVERY_S = 0.5
_READ_BYTES: Final = 64 * 1024
_PIPELINED_BYTES: Final = 256 * 1024
_ACCEPTED_AT_ONCE: Final = 64


class ClientLoop:
    """All clients of one process; runs in one thread, to which others hand connections back."""

    def __init__(
        self, listeners: Iterable[Any], wakers: tuple[int, int], config: Any, certificate: Certificate | None
    ) -> None:
        """Begins to listen.

        Args:
            listeners: gunicorn's sockets.
            wakers: The ends of a pipe; what is written to the second ends the loop's wait.
            config: gunicorn's.
            certificate: What TLS is spoken with; without it, none is.
        """
        self.work: Callable[[Connection, Whole], None]
        self._listeners, self._config, self._certificate = list(listeners), config, certificate
        self._awake, self._wake = wakers
        self._connections: set[Connection] = set()
        self._most = most_connections()
        self._handed_back: deque[Connection] = deque()
        self._look_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._awake, selectors.EVENT_READ)
        for listener in self._listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, listener)

    def turn(self, wait_s: float) -> None:
        """Does what there is to do, after waiting for it for so long at the most."""
        for key, _ in self._selector.select(wait_s):
            if isinstance(key.data, Connection):
                self._serve(key.data)
            elif key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._awake, _READ_BYTES)
            else:
                self._accept(key.data)
        while self._handed_back:
            self._go_on(self._handed_back.popleft())
        self._look_at_deadlines()

    def hand_back(self, connection: Connection) -> None:
        """Takes a connection back with its answer, from any thread; sends at once what the client takes at once."""
        if not connection.flush():
            connection.last, connection.ended = True, True
        if connection.unsent:
            connection.state = State.WRITING
        elif connection.last:
            connection.state = State.CLOSING
        else:
            connection.due_at = time.monotonic() + KEEPALIVE_S
            connection.state = State.READING  # from here on the loop reads for itself
            if not connection.incoming and not connection.ended and connection.watched:
                return
        self._handed_back.append(connection)
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b".")

    def stop_listening(self) -> None:
        """Lets nobody new in, and gives a moment to those who may be sending on a connection that they were to keep."""
        for listener in self._listeners:
            self._selector.unregister(listener)
            listener.close()
        for connection in self._connections:
            if connection.state is State.READING and not connection.incoming.begun:
                connection.due_at = min(connection.due_at, time.monotonic() + _LINGER_S)

    def __len__(self) -> int:
        return len(self._connections)

    def _accept(self, listener: Any) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                client, address = listener.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._make_room()
                return  # nobody is waiting any more
            if len(self._connections) >= self._most and not self._make_room():
                client.close()
                continue
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._connection(client, address, listener.getsockname())
            if connection is None:
                client.close()
                continue
            self._connections.add(connection)
            self._watch(connection, selectors.EVENT_READ)

    def _connection(self, client: socket.socket, address: Any, own_address: Any) -> Connection | None:
        """Returns a client's connection; None if he has left already."""
        if self._certificate is None:
            connection = Connection(client, address, own_address, self._config)
            connection.due_at = time.monotonic() + KEEPALIVE_S
            return connection
        try:
            secure = SecureConnection(self._certificate.wrap(client), address, own_address, self._config)
        except OSError:
            return None
        secure.due_at = time.monotonic() + GREETED_WITHIN_S
        return secure

    def _make_room(self) -> bool:
        idle = (each for each in self._connections if each.state is not State.WORKING)
        longest = min(idle, key=lambda each: each.due_at, default=None)
        if longest is not None:
            self._close(longest)
        return longest is not None

    def _greet(self, connection: SecureConnection) -> None:
        try:
            awaited = connection.greet()
        except SpokePlainly:
            self._refuse(connection, 400, "this port speaks HTTPS: the address should begin with https://")
            return
        if awaited is None:
            self._close(connection)
        elif awaited:
            self._watch(connection, awaited)
        else:
            connection.state = State.READING
            connection.due_at = time.monotonic() + KEEPALIVE_S
            self._watch(connection, selectors.EVENT_READ)

    def _serve(self, connection: Connection) -> None:
        if connection.state is State.GREETING and isinstance(connection, SecureConnection):
            self._greet(connection)
            return
        if connection.state is State.WRITING:
            self._send(connection)
            return
        data = connection.receive(_READ_BYTES)
        if data is None:
            return
        if not data:
            self._ended(connection)
        elif connection.state is not State.LINGERING:
            began = not connection.incoming.begun
            connection.incoming.feed(data)
            if connection.state is State.READING:
                if began:
                    connection.due_at = time.monotonic() + REQUEST_WITHIN_S
                self._advance(connection)
            elif len(connection.incoming) > _PIPELINED_BYTES:
                self._watch(connection, 0)

    def _ended(self, connection: Connection) -> None:
        connection.ended = True
        if connection.state is State.WORKING:
            self._watch(connection, 0)  # the answer may still be wanted
        else:
            self._close(connection)

    def _advance(self, connection: Connection) -> None:
        """Takes the next request of a connection, if it is whole."""
        try:
            whole = connection.incoming.next()
        except Refused as refused:
            self._refuse(connection, refused.status, refused.detail)
            return
        except Exception:
            _logger.exception("the parser fails")
            self._refuse(connection, 400, "this cannot be read")
            return
        if whole is not None:
            connection.state = State.WORKING
            self.work(connection, whole)
        elif connection.ended:
            self._close(connection)
        elif connection.incoming.asks_to_go_on():
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _go_on(self, connection: Connection) -> None:
        """Goes on with a connection whose state others have set."""
        if connection.state is State.WRITING:
            connection.due_at = time.monotonic() + READ_WITHIN_S
            unsent_bytes = sum(len(each.unsent) for each in self._connections if each.state is State.WRITING)
            if unsent_bytes > LARGEST_UNSENT_BYTES:
                self._close(connection)
            else:
                self._watch(connection, selectors.EVENT_WRITE)
        elif connection.state is State.CLOSING:
            self._linger(connection)
        elif connection.state is State.READING:
            if not connection.ended:
                self._watch(connection, selectors.EVENT_READ)
            began = connection.incoming.begun
            connection.due_at = time.monotonic() + (REQUEST_WITHIN_S if began else KEEPALIVE_S)
            self._advance(connection)

    def _send(self, connection: Connection) -> None:
        if not connection.flush():
            self._close(connection)
        elif not connection.unsent:
            connection.state = State.CLOSING if connection.last else State.READING
            self._go_on(connection)

    def _refuse(self, connection: Connection, status: int, detail: str) -> None:
        connection.last = True
        connection.queue(refusal(status, detail))
        connection.state = State.WRITING
        self._send(connection)
        if connection.state is State.WRITING:
            self._go_on(connection)

    def _linger(self, connection: Connection) -> None:
        """Closes the own half and waits for the client's: what it still sends would take the answer away from it."""
        connection.state = State.LINGERING
        connection.due_at = time.monotonic() + _LINGER_S
        if connection.ended or not connection.shut_down():
            self._close(connection)
        else:
            self._watch(connection, selectors.EVENT_READ)

    def _look_at_deadlines(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_EVERY_S
        if self._certificate is not None:
            self._certificate.look()
        for connection in [each for each in self._connections if each.due_at < now]:
            if connection.state is State.READING and connection.incoming.begun:
                self._refuse(connection, 408, f"the request was not whole within {REQUEST_WITHIN_S:.0f} s")
            elif connection.state is not State.WORKING:
                self._close(connection)

    def _watch(self, connection: Connection, events: int) -> None:
        if events == connection.watched:
            return
        if not connection.watched:
            self._selector.register(connection.socket, events, connection)
        elif not events:
            self._selector.unregister(connection.socket)
        else:
            self._selector.modify(connection.socket, events, connection)
        connection.watched = events

    def _close(self, connection: Connection) -> None:
        self._watch(connection, 0)
        connection.state = State.CLOSED
        connection.socket.close()
        self._connections.discard(connection)
