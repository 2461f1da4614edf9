"""Stands in for any process of any service: `stand_in.py SERVICE ROLE`. Answers /readyz, and ends when asked to."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Readiness(BaseHTTPRequestHandler):
    """Answers every request with 200."""

    def do_GET(self) -> None:
        """Is ready."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class has this name
        """Says nothing."""


def main() -> None:
    """Ends at once as a migration, and otherwise serves."""
    _service, role = sys.argv[1:]
    print(f"{role} with {os.environ['DATABASE_URL'].partition(':')[0]}", flush=True)
    if role == "migrate":
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = os.environ["HTTP_PORT" if role == "api" else "METRICS_PORT"]
    HTTPServer(("127.0.0.1", int(port)), Readiness).serve_forever()


if __name__ == "__main__":
    main()
