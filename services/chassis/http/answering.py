"""Runs the application on one whole request; the answer is collected, and nobody waits for its reader."""

import io
from datetime import datetime
from typing import Any

from gunicorn.http import wsgi

from services.chassis.http.connection import Connection
from services.chassis.http.incoming import Whole


class Sink:
    """What gunicorn takes for the client's socket."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Takes a piece of the answer."""
        self._pieces.append(data)

    def send(self, data: bytes) -> int:
        """Takes a piece of the answer."""
        self._pieces.append(data)
        return len(data)

    def data(self) -> bytes:
        """Returns the whole answer."""
        return b"".join(self._pieces)


def answer(worker: Any, connection: Connection, whole: Whole, sink: Sink) -> bool:
    """Writes the application's answer. Returns whether the connection may be used again."""
    begun_at = datetime.now()  # noqa: DTZ005 - gunicorn's access log subtracts it from its own
    request = whole.request
    response, environ = wsgi.create(request, sink, connection.client, connection.server, worker.cfg)
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
        worker.log.access(response, request, environ, datetime.now() - begun_at)  # noqa: DTZ005
        if hasattr(pieces, "close"):
            pieces.close()
    return not response.should_close()
