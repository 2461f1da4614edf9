"""The relay's own small HTTP server: /healthz, /readyz and /metrics, beside the loop in a thread."""

import json
import logging
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infirmary_relay import metrics
from infirmary_relay.problem import Problem, Reason

_log = logging.getLogger(__name__)

LIVENESS_S = 30.0
"""A loop that has not iterated for so long hangs: the process should be restarted.

Longer than an iteration in which a database does not answer: a restart would not help it.
"""
_SILENT_S = 5.0
"""A client that sends nothing for so long is disconnected."""
_HANGS = Problem(Reason.LOOP_HANGS, "the loop hangs")


class Health:
    """What the loop says of itself, for other threads to read."""

    def __init__(self) -> None:
        self._iterated_at = time.monotonic()
        self._problems: Sequence[Problem] = (Problem(Reason.STARTING, "starting"),)
        self._wants_restart = False
        self._floor_held_since: float | None = None

    def iterated(
        self, now: float, problems: Sequence[Problem], *, wants_restart: bool, floor_held_since: float | None
    ) -> None:
        """Notes an iteration of the loop.

        Args:
            now: this process's monotonic clock, in seconds.
            problems: why the relay cannot deliver everything just now; empty when it can.
            wants_restart: whether the process should be started again although its loop runs.
            floor_held_since: since when, by the same clock, a transaction holds the floor; None when none does.
        """
        self._problems, self._wants_restart, self._floor_held_since = problems, wants_restart, floor_held_since
        self._iterated_at = now

    @property
    def problems(self) -> list[Problem]:
        """Why the relay cannot deliver everything just now; empty when it can."""
        return [*self._problems, *([_HANGS] if self._hangs else [])]

    @property
    def deadly(self) -> str | None:
        """Why the process should be started again; None when it should not."""
        if self._hangs:
            return _HANGS.text
        return "stalled" if self._wants_restart else None

    @property
    def _hangs(self) -> bool:
        return time.monotonic() - self._iterated_at >= LIVENESS_S

    def show(self) -> None:
        """Brings up to date what is true at this moment, and not only at the last iteration of the loop."""
        reasons = {problem.reason for problem in self.problems}
        metrics.ready.set(not reasons)
        for reason in Reason:
            metrics.not_ready.labels(reason.value).set(reason in reasons)
        held_since = self._floor_held_since
        metrics.floor_held.set(0.0 if held_since is None else time.monotonic() - held_since)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request: object, client_address: object) -> None:
        """Says what went wrong with an answer, unless its client went away."""
        error = sys.exception()
        if not isinstance(error, OSError):
            _log.error("no answer to %s", client_address, exc_info=error)


def serve(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Starts the server; the port 0 takes a free one, which `server_port` then tells."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENT_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                health.show()
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
            elif path == "/healthz":
                self._say(health.deadly or "alive", ok=health.deadly is None)
            elif path == "/readyz":
                reasons = [problem.text for problem in health.problems]
                self._say("not ready" if reasons else "ready", ok=not reasons, reasons=reasons)
            else:
                self._say("not found", ok=False, status=404)

        def _say(self, status_text: str, *, ok: bool, reasons: list[str] | None = None, status: int = 503) -> None:
            body = {"status": status_text} | ({"reasons": reasons} if reasons else {})
            self._answer(200 if ok else status, "application/json", json.dumps(body).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: a probe every second is not worth a line."""

    server = _Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
