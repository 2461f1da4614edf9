"""Measures tables of PostgreSQL that grow."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg

from infirmary.observing.tables import COUNTED_TO, Size, expect_tables
from infirmary.postgres.session import connect, session_options
from infirmary.settings import Settings

_logger = logging.getLogger(__name__)

_LOOK_WITHIN_MS: Final = 2_000


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
    SELECT sum(CASE WHEN relpages > 0
                    THEN reltuples / relpages * (pg_relation_size(oid) / current_setting('block_size')::int)
                    ELSE pg_stat_get_live_tuples(oid) END)::bigint
    FROM pg_class WHERE oid = %(table)s::regclass
                     OR oid IN (SELECT relid FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf))
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
                    _logger.info("%s is not measured for a while: %s", table.name, error)


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
