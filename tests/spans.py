"""What a process tells of traces, collected in place of a store."""

from infirmary.tracing.spans import Span
from infirmary.tracing.tracer import Tracer


class Spans(list[Span]):
    """The spans of one process so far."""

    def tracer(self, ratio: float = 0.0) -> Tracer:
        """Returns a tracer whose spans are added here."""
        return Tracer(ratio, self.append)

    def taken(self) -> list[Span]:
        """Returns those since the last call."""
        taken = list(self)
        self.clear()
        return taken
