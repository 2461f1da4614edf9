"""A worker of gunicorn in which clients cost no thread: one takes a request only when all of it is there."""

import os
import queue
import threading
import time
from typing import Any, Final

from gunicorn.workers.base import Worker

from infirmary.http.answering import answer
from infirmary.http.api_health import ApiHealth
from infirmary.http.connection import Connection
from infirmary.http.incoming import Whole
from infirmary.http.loop import ClientLoop
from infirmary.http.refusals import refusal

_WAIT_FOR_THREAD_S = 10.0
"""A request that has waited for so long is answered 503: whoever sent it has given it up by now."""

_LIVENESS: Final = "/healthz"
_READINESS: Final = "/readyz"
_PROBE_THREADS = 2

_Source = queue.SimpleQueue[tuple[Connection, Whole, float] | None]


class BufferingWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for clients in one loop, and works on whole requests in threads; probes have threads of their own."""

    alive: bool
    health: ApiHealth

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loop: ClientLoop
        self._requests, self._probes = _Source(), _Source()
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Serves until it is told to stop; then finishes what was begun."""
        self._loop = ClientLoop(self.sockets, (self.PIPE[0], self.PIPE[1]), self.cfg)
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
            for _ in self._threads:
                source.put(None)
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    def _start_thread(self, source: _Source) -> None:
        thread = threading.Thread(target=self._take, args=(source,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _hand_out(self, connection: Connection, whole: Whole) -> None:
        path = whole.request.path
        if path == _LIVENESS:
            self._carry_out(connection, whole)  # says that the loop turns, whatever the threads wait for
        else:
            (self._probes if path == _READINESS else self._requests).put((connection, whole, time.monotonic()))

    def _take(self, source: _Source) -> None:
        while (work := source.get()) is not None:
            connection, whole, come_at = work
            waited_s = time.monotonic() - come_at
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
