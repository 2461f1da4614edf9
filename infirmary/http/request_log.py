"""One line of the log for each request, by which it is found again: by its correlation id, or that of its trace.

It looks like all others, but is written by hand: by way of `logging` it would take a twentieth of a request's time.
"""

import logging
import os
import time
from contextlib import suppress
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from flask import Request, Response

from infirmary.tracing.causation import Causation

LOGGER: Final = "infirmary.http.requests"
_STANDARD_OUTPUT: Final = 1


class RequestLog:
    """Writes to standard output, if this level is logged."""

    def __init__(self, service: str, output: int = _STANDARD_OUTPUT) -> None:
        """Prepares the lines.

        Args:
            service: Whose API it is.
            output: A file descriptor.
        """
        self._logger, self._output = logging.getLogger(LOGGER), output
        whose = f'"service": "{service}", "role": "api"'
        self._constant = f'"level": "INFO", "logger": "{LOGGER}", "message": "answered", {whose}, '
        self._second: tuple[int, str] = (0, "")

    def tell(self, request: Request, response: Response, seconds: float, cause: Causation) -> None:
        """Writes the line of a request that is answered. A path of the client's choosing is not in it."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        rule = request.url_rule
        line = (
            f'{{"time": "{self._now()}", {self._constant}"correlation_id": {quoted(cause.correlation_id)}, '
            f'"trace_id": "{cause.traceparent[3:35]}", "method": {quoted(request.method[:20])}, '
            f'"route": {quoted(rule.rule if rule is not None else "other")}, "status": {response.status_code}, '
            f'"ms": {seconds * 1000:.1f}}}\n'
        )
        with suppress(OSError):  # nobody reads it, or the disk is full: the client has its answer all the same
            os.write(self._output, line.encode())

    def _now(self) -> str:
        """Returns the time as `logging` writes it; what is the same for a second is kept."""
        now_ms = time.time_ns() // 1_000_000
        second, text = self._second
        if now_ms // 1000 != second:
            second = now_ms // 1000
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = second, text  # in one: threads see both or neither
        return f"{text},{now_ms % 1000:03d}"
