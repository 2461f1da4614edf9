"""The relay's own small HTTP server: /healthz, /readyz and /metrics, beside the loop in a thread."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from relay import metrics

LIVENESS_S = 30.0
"""A loop that has not turned for so long hangs: the process should be restarted.

Longer than a turn in which a database does not answer: a restart would not help it.
"""


class Health:
    """What the loop says of itself, for other threads to read."""

    def __init__(self) -> None:
        self._turned_at = time.monotonic()
        self.reasons: list[str] = ["starting"]
        """Why the relay cannot deliver everything just now; empty when it can."""

    def turned(self, now: float) -> None:
        """Notes a turn of the loop."""
        self._turned_at = now

    @property
    def is_alive(self) -> bool:
        """Whether the loop has turned lately."""
        return time.monotonic() - self._turned_at < LIVENESS_S


def serve(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Starts the server; the port 0 takes a free one, which `server_port` then tells."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
            elif self.path == "/healthz":
                self._say("alive" if health.is_alive else "the loop hangs", ok=health.is_alive)
            elif self.path == "/readyz":
                reasons = list(health.reasons)
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

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
