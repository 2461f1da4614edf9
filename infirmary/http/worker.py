"""A worker of gunicorn in which clients cost no thread: one takes a request only when all of it is there."""

import os
import threading
import time
from typing import Any

from gunicorn.workers.base import Worker

from infirmary.http.answering import answer
from infirmary.http.api_health import ApiHealth
from infirmary.http.callers import sender_of
from infirmary.http.certificate import Certificate
from infirmary.http.connection import Connection
from infirmary.http.incoming import Whole
from infirmary.http.loop import ClientLoop
from infirmary.http.probes import LIVENESS, READINESS
from infirmary.http.refusals import refusal
from infirmary.http.turns import Queue, most_at_once

_WAIT_FOR_THREAD_S = 10.0
"""A request that has waited for so long is answered 503: whoever sent it has given it up by now."""

_PROBE_THREADS = 2

_Source = Queue[tuple[Connection, Whole, float]]


class BufferingWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for clients in one loop, and works on whole requests in threads; probes have threads of their own."""

    alive: bool
    health: ApiHealth
    certificate: Certificate | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loop: ClientLoop
        self._requests = _Source(most_at_once(self.cfg.threads))
        self._probes = _Source(_PROBE_THREADS)
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Serves until it is told to stop; then finishes what was begun."""
        self._loop = ClientLoop(self.sockets, (self.PIPE[0], self.PIPE[1]), self.cfg, self.certificate)
        self._loop.work = self._hand_out
        for source, threads in ((self._requests, self.cfg.threads), (self._probes, _PROBE_THREADS)):
            for _ in range(threads):
                self._start_thread(source)
        while self.alive and self.ppid == os.getppid():
            self._turn(1.0)
        self.alive = False
        self._drain()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        """Begins to stop; the signal itself ends the loop's wait."""
        self.alive = False

    def _turn(self, wait_s: float) -> None:
        self.notify()
        self.health.turned(self.alive)
        self._loop.turn(wait_s)

    def _drain(self) -> None:
        give_up_at = time.monotonic() + self.cfg.graceful_timeout
        self._loop.stop_listening()
        while len(self._loop) and time.monotonic() < give_up_at:
            self._turn(0.1)
        for source in (self._requests, self._probes):
            source.close()
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    def _start_thread(self, source: _Source) -> None:
        thread = threading.Thread(target=self._take, args=(source,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _hand_out(self, connection: Connection, whole: Whole) -> None:
        path = whole.request.path
        if path == LIVENESS:
            self._carry_out(connection, whole)  # says that the loop turns, whatever the threads wait for
        else:
            source = self._probes if path == READINESS else self._requests
            source.put(sender_of(self.wsgi, whole.request, connection.client), (connection, whole, time.monotonic()))

    def _take(self, source: _Source) -> None:
        while (turn := source.take()) is not None:
            caller, (connection, whole, come_at) = turn
            try:
                self._answer(connection, whole, time.monotonic() - come_at)
            finally:
                source.done(caller)

    def _answer(self, connection: Connection, whole: Whole, waited_s: float) -> None:
        if waited_s > _WAIT_FOR_THREAD_S:
            connection.last = True
            connection.queue(refusal(503, "too many requests are waiting; repeat it in a moment", waited_s))
            self._loop.hand_back(connection)
        else:
            self._carry_out(connection, whole)

    def _carry_out(self, connection: Connection, whole: Whole) -> None:
        try:
            data, connection.last = answer(self, connection, whole)
        except Exception:
            self.log.exception("a request failed outside of the application")
            data, connection.last = refusal(500, "the request failed; the log has the reason"), True
        connection.queue(data)
        self._loop.hand_back(connection)
