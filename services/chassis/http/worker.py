"""A worker of gunicorn in which clients cost no thread: one takes a request only when all of it is there.

The loop reads what clients send, however slowly, and sends what they are slow to read; the threads work.
"""

import contextlib
import errno
import os
import queue
import selectors
import socket
import threading
import time
from collections import deque
from typing import Any, Final

from gunicorn.workers.base import Worker

from services.chassis.http.answering import Sink, answer
from services.chassis.http.connection import Connection, State
from services.chassis.http.incoming import Refused, Whole
from services.chassis.http.limits import most_connections
from services.chassis.http.refusals import refusal

KEEPALIVE_S = 30.0
"""How long a connection may be silent between requests, or before its first."""

REQUEST_WITHIN_S = 10.0
"""From a request's first byte to its last."""

READ_WITHIN_S = 30.0
"""How long a client may take to read an answer that is larger than the network holds."""

_WAIT_FOR_THREAD_S = 10.0
"""A request that has waited for so long is answered 503: whoever sent it has given it up by now."""

_LINGER_S = 2.0
_LOOK_EVERY_S = 0.5
_READ_BYTES: Final = 64 * 1024
_PIPELINED_BYTES: Final = 256 * 1024
_LIVENESS: Final = "/healthz"
_PROBES: Final = ("/readyz", "/metrics")
_PROBE_THREADS = 2

Work = tuple[Connection, Whole, float] | None


class BufferingWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for clients in one loop, and works on whole requests in threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._most = most_connections()
        self._look_at = 0.0
        self._settled: deque[Connection] = deque()
        self._requests: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._probes: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Serves until it is told to stop; then finishes what was begun."""
        for number in range(self.cfg.threads):
            self._start_thread(f"request-{number}", self._requests)
        for number in range(_PROBE_THREADS):
            self._start_thread(f"probe-{number}", self._probes)
        self._selector.register(self.PIPE[0], selectors.EVENT_READ)
        for listener in self.sockets:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, listener)
        while self.alive and self.ppid == os.getppid():
            self._turn(1.0)
        self._drain()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        """Begins to stop; the signal itself ends the loop's wait."""
        self.alive = False

    def _start_thread(self, name: str, source: "queue.SimpleQueue[Work]") -> None:
        thread = threading.Thread(target=self._work, args=(source,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _drain(self) -> None:
        for listener in self.sockets:
            self._selector.unregister(listener)
            listener.close()
        give_up_at = time.monotonic() + self.cfg.graceful_timeout
        self.alive = False
        for connection in self._connections:  # who was told to keep it may be sending on it now
            if connection.state is State.READING and not connection.incoming.begun:
                connection.due_at = min(connection.due_at, time.monotonic() + _LINGER_S)
        while self._connections and time.monotonic() < give_up_at:
            self._turn(0.1)
        for source in (self._requests, self._probes):
            for _ in self._threads:
                source.put(None)
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    # The loop.

    def _turn(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            if isinstance(key.data, Connection):
                self._serve(key.data)
            elif key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.PIPE[0], _READ_BYTES)
            else:
                self._accept(key.data)
        while self._settled:
            self._settle(self._settled.popleft())
        self._look_at_deadlines()

    def _accept(self, listener: Any) -> None:
        for _ in range(64):
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
            connection = Connection(client, address, listener.getsockname(), self.cfg)
            connection.due_at = time.monotonic() + KEEPALIVE_S
            self._connections.add(connection)
            self._watch(connection, selectors.EVENT_READ)

    def _make_room(self) -> bool:
        idle = (each for each in self._connections if each.state is not State.WORKING)
        longest = min(idle, key=lambda each: each.due_at, default=None)
        if longest is not None:
            self._close(longest)
        return longest is not None

    def _serve(self, connection: Connection) -> None:
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
            self.log.exception("the parser fails")
            self._refuse(connection, 400, "this cannot be read")
            return
        if whole is None:
            if connection.ended:
                self._close(connection)
            elif connection.incoming.asks_to_go_on():
                connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        connection.state = State.WORKING
        path = whole.request.path
        if path == _LIVENESS:
            self._carry_out(connection, whole)
        else:
            source = self._probes if path in _PROBES else self._requests
            source.put((connection, whole, time.monotonic()))

    def _settle(self, connection: Connection) -> None:
        """Goes on with a connection that a thread has done its part for."""
        if connection.state is State.WRITING:
            connection.due_at = time.monotonic() + READ_WITHIN_S
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
            self._settle(connection)

    def _refuse(self, connection: Connection, status: int, detail: str) -> None:
        connection.last = True
        connection.queue(refusal(status, detail))
        connection.state = State.WRITING
        self._send(connection)
        if connection.state is State.WRITING:
            self._settle(connection)

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
        self.notify()
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

    # The threads.

    def _work(self, source: "queue.SimpleQueue[Work]") -> None:
        while (work := source.get()) is not None:
            connection, whole, come_at = work
            if time.monotonic() - come_at > _WAIT_FOR_THREAD_S:
                connection.last = True
                connection.queue(refusal(503, "too many requests are waiting; repeat it in a moment"))
                self._hand_back(connection)
            else:
                self._carry_out(connection, whole)

    def _carry_out(self, connection: Connection, whole: Whole) -> None:
        sink = Sink()
        try:
            connection.last = not answer(self, connection, whole, sink)
            connection.queue(sink.data())
        except Exception:
            self.log.exception("a request failed outside of the application")
            connection.last = True
            connection.queue(refusal(500, "the request failed; the log has the reason"))
        self._hand_back(connection)

    def _hand_back(self, connection: Connection) -> None:
        """Sends what the client takes at once; the loop does the rest, if there is any."""
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
        self._settled.append(connection)
        with contextlib.suppress(BlockingIOError):
            os.write(self.PIPE[1], b".")
