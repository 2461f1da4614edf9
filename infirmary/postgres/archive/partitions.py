"""The partitions of an archive: one for each week, made before its first row comes and dropped with all its rows.

To drop a table costs nothing and leaves nothing behind, however many rows it has.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, LiteralString

import psycopg

from infirmary.postgres.archive.weeks import Week

_DAY_S: Final = 86_400.0

_NAMES: Final[LiteralString] = """
SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = %s::regclass ORDER BY 1
"""

_MAKE: Final[LiteralString] = "SELECT make_archive_week(%s, %s)"
_DROP: Final[LiteralString] = "SELECT drop_archive_week(%s, %s)"
"""Functions of a migration's: a consumer may neither make nor drop a table by itself."""


class Partitions:
    """The partitions of one archive.

    Attributes:
        archive: The table that is divided.
    """

    def __init__(self, connection: psycopg.Connection[Any], archive: LiteralString) -> None:
        self._connection, self.archive = connection, archive

    def weeks(self) -> list[Week]:
        """Returns the weeks that have a partition, in their order."""
        names = (name for (name,) in self._connection.execute(_NAMES, (self.archive,)))
        return sorted(week for name in names if (week := Week.of_partition(name, self.archive)) is not None)

    def make(self, weeks: Iterable[Week]) -> None:
        """Makes a partition for each of the weeks that has none."""
        for week in sorted({*weeks} - {*self.weeks()}):
            self._connection.execute(_MAKE, (self.archive, week.monday))

    def drop(self, week: Week) -> None:
        """Drops a week with all that is in it."""
        self._connection.execute(_DROP, (self.archive, week.monday))


class OldPartitions:
    """The weeks of an archive that are not kept any longer.

    Attributes:
        table: The archive.
    """

    def __init__(self, partitions: Partitions, kept_days: float, clock: Callable[[], float] = time.time) -> None:
        self._partitions, self.table = partitions, partitions.archive
        self._kept_s, self._clock = kept_days * _DAY_S, clock

    def some(self) -> bool:
        """Drops the oldest one that is too old; says whether there was one."""
        until = self._clock() - self._kept_s
        for week in self._partitions.weeks():
            if week.is_over(until):
                self._partitions.drop(week)
                return True
        return False
