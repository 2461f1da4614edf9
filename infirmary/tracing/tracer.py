"""The traces of one process: which of those that begin here are sampled, and who takes their spans."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from infirmary.tracing.spans import Span
from infirmary.tracing.trace_context import is_sampled, new_traceparent


class Tracer:
    """What a process makes from its settings and hands to all that writes or applies; it never changes."""

    def __init__(self, ratio: float = 0.0, take: Callable[[Span], None] | None = None) -> None:
        """Prepares it.

        Args:
            ratio: The share of the traces beginning here that are sampled, from 0 to 1.
            take: Takes each span of a sampled trace; None when nobody wants them.
        """
        self._ratio, self._take = ratio, take

    @property
    def is_on(self) -> bool:
        """Whether anybody takes spans."""
        return self._take is not None

    def wants(self, traceparent: str) -> bool:
        """Says whether anybody wants to know what is done in this trace."""
        return self._take is not None and is_sampled(traceparent)

    def tell(self, spans: Iterable[Span]) -> None:
        """Hands on what was done; what has no end yet ends now."""
        if self._take is None:
            return
        now = time.time_ns()
        for span in spans:
            span.ended_ns = span.ended_ns or now
            self._take(span)

    def new_traceparent(self) -> str:
        """Returns the traceparent of a trace that begins here."""
        return new_traceparent(self._ratio)


NO_TRACER: Final = Tracer()
"""Samples nothing and tells nobody."""
