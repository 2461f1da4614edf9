"""The results of a benchmark: several values for each figure, judged by their median, shown with the noise."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

Kind = Literal["ours", "baseline", "ceiling"]


@dataclass(frozen=True)
class Bar:
    """What a figure has to reach."""

    side: Literal["at least", "at most"]
    value: float

    def is_met(self, value: float) -> bool:
        """Tells whether a value reaches the bar."""
        return value >= self.value if self.side == "at least" else value <= self.value

    def __str__(self) -> str:
        return f"{self.side} {number(self.value)}"


def at_least(value: float) -> Bar:
    """A bar that higher values reach."""
    return Bar("at least", value)


def at_most(value: float) -> Bar:
    """A bar that lower values reach."""
    return Bar("at most", value)


@dataclass
class Figure:
    """One thing that was measured, once in each round."""

    name: str
    unit: str
    kind: Kind
    bar: Bar | None
    values: list[float] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def verdict(self) -> str:
        """Whether the median reaches the bar, in a word; empty when there is no bar."""
        if self.bar is None:
            return ""
        return "met" if self.bar.is_met(self.middle) else "MISSED"


class Results:
    """The figures of one benchmark, in the order in which they were first noted."""

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.remarks: list[str] = []
        self._figures: dict[str, Figure] = {}

    @property
    def figures(self) -> Sequence[Figure]:
        """All figures."""
        return list(self._figures.values())

    def note(self, name: str, value: float, unit: str, *, kind: Kind = "ours", bar: Bar | None = None) -> None:
        """Adds one round's value to a figure."""
        self._figures.setdefault(name, Figure(name, unit, kind, bar)).values.append(value)

    def remark(self, text: str) -> None:
        """Adds a line that the reader needs to understand the figures."""
        self.remarks.append(text)

    def as_json(self) -> dict[str, Any]:
        """Returns everything as JSON."""
        figures = [
            asdict(figure) | {"median": figure.middle, "verdict": figure.verdict} for figure in self._figures.values()
        ]
        return {"benchmark": self.name, "title": self.title, "remarks": self.remarks, "figures": figures}


def number(value: float) -> str:
    """Writes a number with three or four digits that mean something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the value below which this share (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
