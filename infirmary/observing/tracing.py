"""Whether and where a process tells of traces, by its settings."""

from typing import Final

from prometheus_client import Counter

from infirmary.settings import Settings
from infirmary.tracing.causation import SAMPLING
from infirmary.tracing.spans import SPANS

SPANS_DROPPED: Final = Counter(
    "infirmary_spans_dropped_total",
    "Are traces whole? Spans that were dropped, because too many waited or the store of traces took none; 0 without an"
    " exporter.",
)


def trace(service: str, role: str, settings: Settings) -> None:
    """Begins to sample new traces, and to send spans if there is an exporter; to be called after any fork."""
    SAMPLING.set_ratio(settings.share_of_new_traces())
    if settings.trace_exporter != "none":
        from infirmary.tracing.span_export import Export, exporter_to  # without an exporter nothing of it is loaded

        exporter = exporter_to(settings.trace_exporter, settings.trace_endpoint)
        SPANS.go_to(Export(exporter, service, role, SPANS_DROPPED.inc).take)
