"""Probes and metrics of a process that serves no requests: alive, ready, and what it counts."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import disable_created_metrics, make_wsgi_app

STUCK_AFTER_S = 30.0
"""A loop that has not turned for this long is taken for dead; a turn may wait for locks and statements for 13 s."""


class Heart:
    """Knows when a loop has last turned and what keeps it from working."""

    def __init__(self, stuck_after_s: float = STUCK_AFTER_S) -> None:
        self._stuck_after_s = stuck_after_s
        self._beat_at = time.monotonic()
        self._trouble: str | None = "it has not started yet"

    def beat(self, trouble: str | None = None) -> None:
        """Notes a turn of the loop, and what is wrong, if anything."""
        self._beat_at = time.monotonic()
        self._trouble = trouble

    def stuck(self) -> str | None:
        """Returns why the process should be killed, or None."""
        silent_s = time.monotonic() - self._beat_at
        return f"the loop has not turned for {silent_s:.0f} s" if silent_s > self._stuck_after_s else None

    def not_ready(self) -> str | None:
        """Returns why the process does no work, or None."""
        return self.stuck() or self._trouble


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    timeout = 5.0  # in seconds: a client that falls silent keeps its thread no longer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keeps probes out of the log."""


def serve(heart: Heart, host: str, port: int) -> None:
    """Serves /healthz, /readyz and /metrics from a thread of its own.

    Raises:
        OSError: The port is taken.
    """
    probes: dict[str, Callable[[], str | None]] = {"/healthz": heart.stuck, "/readyz": heart.not_ready}
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series for each series, which nobody looks at
    metrics = make_wsgi_app()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        probe = probes.get(environ["PATH_INFO"])
        if probe is None:
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        trouble = probe()
        start_response(
            "503 Service Unavailable" if trouble else "200 OK", [("Content-Type", "text/plain; charset=utf-8")]
        )
        return [(trouble or "ok").encode() + b"\n"]

    server = make_server(host, port, application, server_class=_Server, handler_class=_Silent)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
