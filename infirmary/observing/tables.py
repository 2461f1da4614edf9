"""What is told of the tables that grow: how many rows, the oldest since when, and whether retention keeps up.

Each is looked at once a minute, beside the work and on a connection of its own: by `PostgresTables`, and by
`MongoTables` of `infirmary.mongo.tables`.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from prometheus_client import Gauge

from infirmary.postgres.session import connect, session_options
from infirmary.settings import Settings

log = logging.getLogger(__name__)

COUNTED_TO: Final = 10_000
"""More rows than this are not counted: the database has an estimate."""

LOOK_EVERY_S: Final = 60.0
_LOOK_WITHIN_MS: Final = 2_000

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


class TableWatch:
    """A thread that measures tables once a minute; what it cannot measure keeps the time of its last measurement."""

    def __init__(self, look: Callable[[], Iterator[Size]], every_s: float = LOOK_EVERY_S) -> None:
        """Begins.

        Args:
            look: Measures all tables, one after the other.
            every_s: Nearly: pods take turns.
        """
        self._look, self._every_s = look, every_s
        self._stopping = threading.Event()
        self._drawn = random.Random()  # noqa: S311 - of its own: a thread that draws from all's disturbs who relies on it
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="table-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        pause_s = self._every_s / 20  # the first look comes soon, but not into the start of the process
        while not self._stopping.wait(pause_s * self._drawn.uniform(0.5, 1.5)):
            pause_s = self._every_s
            try:
                for size in self._look():
                    size.show()
                self._told = ""
            except Exception as error:
                self._tell(f"{type(error).__name__}: {error}")

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:
            log.info("the tables are not measured for a while: %s", trouble)
        self._told = trouble


@dataclass(frozen=True, slots=True)
class GrowingTable:
    """A table of PostgreSQL.

    Attributes:
        name: As in the database, and in the label `table`.
        oldest: A statement that gives the time of the oldest row, by an index: NULL or no row when there is none.
    """

    name: LiteralString
    oldest: LiteralString


_ROWS_OF: Final[LiteralString] = """
SELECT count(*), (
    SELECT CASE WHEN relpages > 0
                THEN reltuples / relpages * (pg_relation_size(oid) / current_setting('block_size')::int)
                ELSE pg_stat_get_live_tuples(oid) END::bigint
    FROM pg_class WHERE oid = %(table)s::regclass)
FROM (SELECT FROM {} LIMIT %(most)s + 1) AS counted
"""
"""The estimate is the planner's: the rows on a page when it was last vacuumed, times the pages of today."""


class PostgresTables:
    """Measures tables of PostgreSQL on a connection that is open for as long as it takes."""

    def __init__(self, settings: Settings, role: str, tables: Iterable[GrowingTable]) -> None:
        """Prepares it.

        Args:
            settings: Where the database is.
            role: Who asks, for example `orders/api`.
            tables: Which ones.
        """
        self._settings, self._role, self._tables = settings, f"{role}/tables", tuple(tables)
        expect_tables(each.name for each in self._tables)

    def __call__(self) -> Iterator[Size]:
        """Measures each; one that takes too long, or is locked, is left for the next time.

        Raises:
            psycopg.Error: The database is away.
        """
        options = session_options(statement_timeout=f"{_LOOK_WITHIN_MS}ms", lock_timeout="500ms")
        with connect(self._settings, self._role, options) as connection:
            for table in self._tables:
                try:
                    yield measured(connection, table)
                except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
                    log.info("%s is not measured for a while: %s", table.name, error)


def measured(connection: psycopg.Connection, table: GrowingTable) -> Size:
    """Returns the size of a table.

    Raises:
        psycopg.Error: The database is away, or has not answered in time.
    """
    counted, estimated = connection.execute(
        _ROWS_OF.replace("{}", table.name), {"table": table.name, "most": COUNTED_TO}
    ).fetchone() or (0, 0)
    (oldest,) = connection.execute(table.oldest).fetchone() or (None,)
    return Size(
        table.name,
        rows=max(counted, estimated) if counted > COUNTED_TO else counted,
        oldest_at=oldest.timestamp() if oldest is not None else 0.0,
    )
