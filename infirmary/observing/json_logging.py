"""Logs as JSON lines, each with the correlation id of what is being worked on."""

import logging
import sys
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

from infirmary.tracing.trace_context import traceparent_of

CORRELATION_ID: ContextVar[str | None] = ContextVar("correlation_id", default=None)


class _WithCorrelationId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(
            record, "correlation_id"
        ):  # a line about something else than what is being worked on has its own
            record.correlation_id = CORRELATION_ID.get()
        return True


def trace_id_of(traceparent: str | None) -> str | None:
    """Returns the id of the trace that a traceparent names, or None where it names none."""
    taken = traceparent_of(traceparent)
    return taken and taken[3:35]


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
