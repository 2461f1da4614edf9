"""Sends spans to a trace store, by OpenTelemetry's SDK: in the background, and never in anybody's way.

Only here is anything of OpenTelemetry imported, and only when TRACE_EXPORTER names an exporter.
"""

import atexit
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

from infirmary.tracing.spans import Span

_logger = logging.getLogger(__name__)

_MOST_WAITING: Final = 4096
_BATCH: Final = 512
_EVERY_MS: Final = 1000
_ANSWER_WITHIN_S: Final = 5
_GOODBYE_WITHIN_S: Final = 2.0
_KINDS: Final = {
    "server": SpanKind.SERVER,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
_REMOTE_PARENTS: Final = ("server", "consumer")
_SCOPE: Final = InstrumentationScope("infirmary", "")  # Zipkin takes no version that is null
_FINE: Final = Status(StatusCode.UNSET)


class Export:
    """The spans of one process on their way to the store. What it does not take is dropped, and said once."""

    def __init__(self, exporter: SpanExporter, service: str, role: str, dropped: Callable[[int], None]) -> None:
        """Prepares the way.

        Args:
            exporter: What speaks to the store.
            service: The service that the process belongs to.
            role: Which of its processes it is.
            dropped: Hears of spans that were dropped, because too many waited or the store took none.
        """
        self._resource = Resource(
            {
                "service.name": service,
                "service.namespace": "infirmary",
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
                "infirmary.role": role,
            }
        )
        self._counted = _Counted(exporter, dropped)
        self._processor = BatchSpanProcessor(
            self._counted, _MOST_WAITING + _BATCH, schedule_delay_millis=_EVERY_MS, max_export_batch_size=_BATCH
        )
        atexit.register(self.close)

    def take(self, span: Span) -> None:
        """Takes a span; costs no wait."""
        if self._counted.may_wait():
            self._processor.on_end(_readable(span, self._resource))

    def close(self) -> None:
        """Sends what waits, if that can be done soon."""
        atexit.unregister(self.close)
        closing = threading.Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        closing.join(_GOODBYE_WITHIN_S)


class _Counted(SpanExporter):
    """An exporter of which one knows how much it has not sent."""

    def __init__(self, exporter: SpanExporter, dropped: Callable[[int], None]) -> None:
        self._exporter, self._complaints, self._lock = exporter, _Complaints(), threading.Lock()
        self._drop, self._dropped, self._waiting = dropped, 0, 0
        self._is_away = False

    def may_wait(self) -> bool:
        """Makes room for one more, or drops it."""
        with self._lock:
            is_room = self._waiting < _MOST_WAITING
            self._waiting += is_room
        if not is_room:
            self._count(1)
        return is_room

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends spans; whatever keeps them from being sent is no error of ours."""
        try:
            result, why = self._exporter.export(spans), self._complaints.last
        except Exception as error:  # whatever the client of the store raises
            result, why = SpanExportResult.FAILURE, f"{type(error).__name__}: {error}"
        failed = result is not SpanExportResult.SUCCESS
        with self._lock:
            self._waiting -= len(spans)
        if failed:
            self._count(len(spans))
        self._tell(failed, why)
        return result

    def shutdown(self) -> None:
        """Lets go of the store."""
        self._exporter.shutdown()

    def _count(self, spans: int) -> None:
        with self._lock:
            self._dropped += spans
        self._drop(spans)

    def _tell(self, failed: bool, why: str) -> None:
        if failed and not self._is_away:
            _logger.warning("the trace store is away, spans are dropped until it is back: %.300s", why)
        elif self._is_away and not failed:
            _logger.info("the trace store is back; %d spans were dropped so far", self._dropped)
        self._is_away = failed


class _Complaints(logging.Handler):
    """Keeps what the SDK last complained of, which it would log for each batch."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        logger = logging.getLogger("opentelemetry")
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a line."""
        self.last = record.getMessage()


def exporter_to(kind: Literal["otlp", "zipkin"], endpoint: str | None) -> SpanExporter:
    """Returns what speaks to a store; an endpoint without a path gets the one that such stores have."""
    if kind == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(_url(endpoint or "http://127.0.0.1:4318", "/v1/traces"), timeout=_ANSWER_WITHIN_S)
    from opentelemetry.exporter.zipkin.json import ZipkinExporter

    url = _url(endpoint or "http://127.0.0.1:9411", "/api/v2/spans")
    return ZipkinExporter(endpoint=url, timeout=_ANSWER_WITHIN_S)


def _url(endpoint: str, path: str) -> str:
    return endpoint if urlsplit(endpoint).path.strip("/") else f"{endpoint.rstrip('/')}{path}"


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        _context(span.traceparent, span.tracestate),
        None if span.parent is None else _context(span.parent, span.tracestate, span.kind in _REMOTE_PARENTS),
        resource,
        dict(span.attributes) | ({} if span.error is None else {"error.type": span.error}),
        links=[Link(_context(each)) for each in span.links],
        kind=_KINDS[span.kind],
        status=_FINE if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=span.begun_ns,
        end_time=max(span.ended_ns, span.begun_ns),
        instrumentation_scope=_SCOPE,
    )


def _context(traceparent: str, tracestate: str = "", is_remote: bool = False) -> SpanContext:
    return SpanContext(
        int(traceparent[3:35], 16),
        int(traceparent[36:52], 16),
        is_remote=is_remote,
        trace_flags=TraceFlags(int(traceparent[53:], 16)),
        trace_state=TraceState.from_header([tracestate]) if tracestate else None,
    )
