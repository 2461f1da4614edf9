"""A stand-in for one service's HTTP interface: answers from a script, on a real port."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """What is answered, and what came in.

    Attributes:
        answer: Gets the request and its number, from 0, and returns status and JSON, or HTML, a text, as a gateway
            does; None cuts the connection.
    """

    answer: Callable[[Request, int], tuple[int, Any] | None]
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(script: Script) -> Iterator[dict[str, str]]:
    """Serves the script and gives an environment in which every service is this one."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers), body)
            answer = script.answer(request, len(script.requests))
            script.requests.append(request)
            if answer is None:
                self.close_connection = True
                return
            is_html = isinstance(answer[1], str)
            content = (answer[1] if is_html else json.dumps(answer[1])).encode()
            self.send_response(answer[0])
            kind = "application/problem+json" if answer[0] >= 400 else "application/json"
            self.send_header("Content-Type", "text/html" if is_html else kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    services = ("PATIENT", "PRESCRIPTION", "INVENTORY", "BILLING", "WARD", "LAB", "NOTIFICATION", "ADMISSION", "CHART")
    try:
        yield {f"{service}_URL": f"http://127.0.0.1:{server.server_port}" for service in services}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
