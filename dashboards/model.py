"""What a panel says: its question, its queries, from which value on it is bad, where to go on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOME: Final = "infirmary-home"
RELAY: Final = "infirmary-relay"
READERS: Final = "infirmary-readers"
SAGAS: Final = "infirmary-sagas"
APIS: Final = "infirmary-apis"


class Kind(StrEnum):
    """How a panel draws its answer."""

    STAT = "stat"
    LINES = "timeseries"
    HEATMAP = "heatmap"
    STATES = "state-timeline"
    BARS = "bargauge"
    GAUGE = "gauge"
    TABLE = "table"


class Unit(StrEnum):
    """A panel's unit, by Grafana's name of it."""

    SECONDS = "s"
    MICROSECONDS = "µs"
    COUNT = "short"
    MESSAGES_PER_SECOND = "mps"
    REQUESTS_PER_SECOND = "reqps"
    PER_SECOND = "ops"
    SHARE = "percentunit"
    BYTES = "bytes"
    YES_OR_NO = "bool_yes_no"
    SINCE = "dateTimeFromNow"


@dataclass(frozen=True)
class Limits:
    """From which values on a panel is amber and red, or below which; without both no value is bad by itself."""

    amber: float | None
    red: float | None
    below: bool = False


@dataclass(frozen=True)
class Query:
    """One PromQL expression; `legend` names its series by their labels. `now`: only the newest value counts."""

    expression: str
    legend: str = ""
    now: bool = False


@dataclass(frozen=True)
class Panel:
    """One question of an operator's and its answer.

    `nothing` says why an empty answer is a good one; without it there has to be an answer after each day.
    `look` and `alerts` are where to go on: dashboards by uid, and alerts, whose headings are in the runbooks.
    """

    title: str
    says: str
    kind: Kind
    unit: Unit
    limits: Limits
    queries: tuple[Query, ...]
    nothing: str = ""
    look: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    width: int = 8
    height: int = 8
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels under one heading; repeated for each chosen service where that is wanted, and then closed at first."""

    title: str
    panels: tuple[Panel, ...]
    for_each_service: bool = False


@dataclass(frozen=True)
class Dashboard:
    """One page."""

    uid: str
    title: str
    says: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels of all rows."""
        return tuple(panel for row in self.rows for panel in row.panels)
