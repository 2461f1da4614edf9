"""The tracer of a process, by its settings."""

from typing import Final

from prometheus_client import Counter

from infirmary.settings import Settings
from infirmary.tracing.tracer import Tracer

SPANS_DROPPED: Final = Counter(
    "infirmary_spans_dropped_total",
    "Are traces whole? Spans that were dropped, because too many waited or the store of traces took none; 0 without an"
    " exporter.",
)


def tracer_of(service: str, role: str, settings: Settings) -> Tracer:
    """Returns the tracer of a process, which sends spans if there is an exporter; to be called after any fork."""
    ratio = settings.share_of_new_traces()
    if settings.trace_exporter == "none":
        return Tracer(ratio)
    from infirmary.tracing.span_export import Export, exporter_to  # without an exporter nothing of it is loaded

    exporter = exporter_to(settings.trace_exporter, settings.trace_endpoint)
    return Tracer(ratio, Export(exporter, service, role, SPANS_DROPPED.inc).take)
