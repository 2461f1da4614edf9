"""What Prometheus has answered to the panels, from the file that demo/recorded_day.py writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashboards.asking import Points


@dataclass(frozen=True)
class Series:
    """One line of a panel; `query` is the number of the panel's query that it answers."""

    query: int
    name: str
    labels: Mapping[str, str]
    points: Points


@dataclass(frozen=True)
class Answers:
    """The answers to all panels over a span of time (unix time, s), and who has started in it."""

    from_s: float
    to_s: float
    panels: Mapping[str, tuple[Series, ...]]
    started: tuple[tuple[float, str], ...]

    def at(self, moment: float) -> float:
        """Returns where in the span a moment is, from 0 to 1."""
        return (moment - self.from_s) / (self.to_s - self.from_s)


def read(path: Path) -> Answers:
    """Reads the file."""
    found = json.loads(path.read_text())
    panels = {
        title: tuple(
            Series(each["query"], each["name"], each["labels"], [(at, value) for at, value in each["points"]])
            for each in series
        )
        for title, series in found["panels"].items()
    }
    started = tuple((each["at"], each["who"]) for each in found["started"])
    return Answers(found["from"], found["to"], panels, started)
