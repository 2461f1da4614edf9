"""Runs the application on one whole request; the answer is collected, and nobody waits for its reader."""

import io
from typing import Any

from gunicorn.http import wsgi

from infirmary.http.connection import Connection
from infirmary.http.incoming import Whole


class _Collected:
    """What gunicorn takes for the client's socket."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Takes a piece of the answer."""
        self.pieces.append(data)


def answer(worker: Any, connection: Connection, whole: Whole) -> tuple[bytes, bool]:
    """Returns the application's answer, and whether the connection is to be closed after it."""
    request, collected = whole.request, _Collected()
    response, environ = wsgi.create(request, collected, connection.client, connection.server, worker.cfg)
    environ["wsgi.multithread"] = True
    environ["wsgi.input"] = io.BytesIO(whole.body)
    if not worker.alive:
        response.force_close()
    pieces = worker.wsgi(environ, response.start_response)
    try:
        for piece in pieces:
            response.write(piece)
        response.close()
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return b"".join(collected.pieces), response.should_close()
