"""Probes and metrics of a process, on a port that no client reaches: alive, ready, and what it counts."""

import logging
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import disable_created_metrics, make_wsgi_app

from infirmary.observing.readiness import Health, ProcessProblem, expect_readiness, show_readiness
from infirmary.settings import refused

_logger = logging.getLogger(__name__)

STUCK_AFTER_S = 30.0
"""A loop that has not turned for this long is taken for dead; a turn may wait for locks and statements for 13 s."""


TAKEN_FOR_S = 3.0
"""How long a port that is taken is asked for."""


class Reason:
    """Why a process does not work."""

    STARTING: Final = "starting"
    DATABASE_AWAY: Final = "database_away"
    SET_BACK: Final = "set_back"
    BROKER_AWAY: Final = "broker_away"
    CHANNEL_UNREADABLE: Final = "channel_unreadable"
    SCHEMA: Final = "schema"
    STOPPING: Final = "stopping"
    STALLED: Final = "stalled"
    MESSAGES_LOST: Final = "messages_lost"
    LOOP_HANGS: Final = "loop_hangs"


class Liveness:
    """Knows when a loop has last turned and what keeps it from working; the reasons are a consumer's."""

    reasons: ClassVar = (
        Reason.STARTING,
        Reason.DATABASE_AWAY,
        Reason.SET_BACK,
        Reason.BROKER_AWAY,
        Reason.CHANNEL_UNREADABLE,
        Reason.STALLED,
        Reason.MESSAGES_LOST,
        Reason.LOOP_HANGS,
    )

    def __init__(self, stuck_after_s: float = STUCK_AFTER_S) -> None:
        self._stuck_after_s = stuck_after_s
        self._beat_at = time.monotonic()
        self._problem: ProcessProblem | None = ProcessProblem(Reason.STARTING, "it has not started yet")
        self._wants_restart = False

    def beat(self, problem: ProcessProblem | None = None, wants_restart: bool = False) -> None:
        """Notes a turn of the loop, what is wrong, if anything, and whether only another process can mend it."""
        self._beat_at = time.monotonic()
        self._problem, self._wants_restart = problem, wants_restart

    def stuck(self) -> str | None:
        """Returns why the process should be killed, or None."""
        return self._hangs() or (self._problem.words if self._problem is not None and self._wants_restart else None)

    def problem(self) -> ProcessProblem | None:
        """Returns why the process does no work, or None."""
        hangs = self._hangs()
        return self._problem if hangs is None else ProcessProblem(Reason.LOOP_HANGS, hangs)

    def _hangs(self) -> str | None:
        silent_s = time.monotonic() - self._beat_at
        return f"the loop has not turned for {silent_s:.0f} s" if silent_s > self._stuck_after_s else None

    def not_ready(self) -> str | None:
        """Returns in words why the process does no work, or None."""
        problem = self.problem()
        return problem.words if problem is not None else None


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _Silent, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()[:2]
        self.setup_environ()

    def handle_error(self, _request: object, client_address: object) -> None:
        """Says what went wrong with an answer, unless its client fell silent or went away."""
        error = sys.exception()
        if not isinstance(error, OSError):
            _logger.error("no answer to %s", client_address, exc_info=error)


class _Silent(WSGIRequestHandler):
    timeout = 5.0  # in seconds: a client that falls silent keeps its thread no longer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keeps probes out of the log."""


def listen(host: str, port: int) -> socket.socket:
    """Takes the port; a process that was killed may still have it for a moment.

    Raises:
        InvalidConfiguration: Ends the process: another one keeps it, or the host is none of this machine's.
    """
    give_up_at = time.monotonic() + TAKEN_FOR_S
    while True:
        try:
            return socket.create_server((host, port))
        except OSError as error:
            if time.monotonic() > give_up_at:
                raise refused([f"METRICS_PORT: {host}:{port} cannot be had: {error.strerror}"]) from None
            time.sleep(0.1)


def serve(health: Health, listener: socket.socket) -> None:
    """Serves /healthz, /readyz and /metrics from a thread of its own."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series for each series, which nobody looks at
    expect_readiness(health)
    server = _Server(listener)
    server.set_app(_application(health))
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()


def _application(health: Health) -> Callable[..., Iterable[bytes]]:
    metrics = make_wsgi_app()

    def not_ready() -> str | None:
        problem = health.problem()
        return problem.words if problem is not None else None

    probes: dict[str, Callable[[], str | None]] = {"/healthz": health.stuck, "/readyz": not_ready}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            show_readiness(health)
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if path not in probes:
            start_response("404 Not Found", headers)
            return [b"there are /healthz, /readyz and /metrics\n"]
        problem = probes[path]()
        start_response("503 Service Unavailable" if problem else "200 OK", headers)
        return [(problem or "ok").encode() + b"\n"]

    return application
