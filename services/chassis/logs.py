"""Logs as JSON lines, each with the correlation id of what is being worked on."""

import logging
import sys
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

CORRELATION_ID: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class _WithCorrelationId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.correlation_id = CORRELATION_ID.get()
        return True


def configure(service: str, role: str, level: str) -> None:
    """Sends all logs of the process to standard output, one JSON object a line."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_WithCorrelationId())
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service, "role": role},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
