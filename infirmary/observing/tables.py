"""Measurements of the tables that grow: how many rows, since when, and whether retention keeps up.

Each is looked at once a minute, beside the work and on a connection of its own: by `postgres.tables`, and by
`mongo.tables`.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import Gauge

from infirmary.beside import Round

COUNTED_TO: Final = 10_000
"""More rows than this are not counted: the database has an estimate."""

LOOK_EVERY_S: Final = 60.0

ROWS = Gauge(
    "infirmary_table_rows",
    "How many rows does a table hold? Exact up to 10000 rows, the database's own estimate above.",
    ["table"],
)
OLDEST = Gauge(
    "infirmary_table_oldest_timestamp_seconds",
    "How old is a table's oldest row? When it was written, in unix time; 0 when the table is empty.",
    ["table"],
)
MEASURED = Gauge(
    "infirmary_table_measured_timestamp_seconds",
    "Is what is told of a table's rows of today? When it was last measured, in unix time; 0 before the first time.",
    ["table"],
)
RETENTION_COMPLETED = Gauge(
    "infirmary_retention_completed_timestamp_seconds",
    "Does retention keep up with a table? When a pass last left nothing that is too old, in unix time; 0 before.",
    ["table"],
)


@dataclass(frozen=True, slots=True)
class Size:
    """What was found out about a table.

    Attributes:
        table: Its name.
        rows: Exact up to `COUNTED_TO`.
        oldest_at: When its oldest row was written, in unix time; 0 when there is none.
    """

    table: str
    rows: int
    oldest_at: float

    def show(self) -> None:
        """Brings the metrics up to date."""
        ROWS.labels(self.table).set(self.rows)
        OLDEST.labels(self.table).set(self.oldest_at)
        MEASURED.labels(self.table).set(time.time())


def expect_tables(tables: Iterable[str], forgetting: Iterable[str] = ()) -> None:
    """Shows nought for what is not known yet.

    Args:
        tables: Those that are measured.
        forgetting: Those of which old rows are forgotten.
    """
    for table in tables:
        for metric in (ROWS, OLDEST, MEASURED):
            metric.labels(table)
    for table in forgetting:
        RETENTION_COMPLETED.labels(table)


def note_nothing_old(table: str) -> None:
    """Notes that a pass of retention has left nothing that is too old."""
    RETENTION_COMPLETED.labels(table).set(time.time())


def measuring(look: Callable[[], Iterator[Size]], every_s: float = LOOK_EVERY_S) -> Round:
    """Returns the round that measures tables; what it cannot measure keeps the time of its last measurement.

    Args:
        look: Measures all tables, one after the other.
        every_s: Nearly: pods take turns. The first look comes soon, but not into the start of the process.
    """

    def pieces() -> Iterator[None]:
        for size in look():
            size.show()
            yield

    return Round("the tables are not measured for a while", pieces, every_s, first_s=every_s / 20)
