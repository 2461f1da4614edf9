"""The auditor's own small HTTP server: /healthz, /readyz and /metrics, beside its loop in a thread."""

import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from audit.gap_metrics import Reason, registry, show_ready

ALIVE_S = 60.0
"""A loop that has not turned for so long hangs: the process should be started again."""


class Probe:
    """What the loop says of itself, for other threads to read."""

    def __init__(self) -> None:
        self._troubles: Sequence[tuple[Reason, str]] = [(Reason.STARTING, "starting")]
        self._turned_at = time.monotonic()

    def turned(self) -> None:
        """Notes a turn of the loop."""
        self._turned_at = time.monotonic()

    def found(self, troubles: Sequence[tuple[Reason, str]]) -> None:
        """Notes why not everything can be looked at just now, with words for people; none when it can."""
        self._troubles = troubles

    @property
    def troubles(self) -> list[tuple[Reason, str]]:
        """Why not everything can be looked at just now."""
        return [*self._troubles, *([] if self.is_alive else [(Reason.LOOP_HANGS, "the loop hangs")])]

    @property
    def is_alive(self) -> bool:
        """Whether the loop has turned lately."""
        return time.monotonic() - self._turned_at < ALIVE_S


def serve(probe: Probe, host: str, port: int) -> ThreadingHTTPServer:
    """Starts the server; the port 0 takes a free one, which `server_port` then tells."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # of a client that connects and says nothing

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            troubles = probe.troubles
            if path == "/metrics":
                show_ready({reason for reason, _ in troubles})
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif path == "/healthz":
                self._say(200 if probe.is_alive else 503, "alive" if probe.is_alive else "the loop hangs", [])
            elif path == "/readyz":
                reasons = [words for _, words in troubles]
                self._say(503 if reasons else 200, "not ready" if reasons else "ready", reasons)
            else:
                self._say(404, "not found", [])

        def _say(self, status: int, text: str, reasons: list[str]) -> None:
            body = {"status": text} | ({"reasons": reasons} if reasons else {})
            self._answer(status, "application/json", json.dumps(body).encode())

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
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
