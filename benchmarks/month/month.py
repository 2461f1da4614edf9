"""A month of one service's database, day after day: what is in it at the end of each."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from pymongo import MongoClient
from pymongo.database import Database

from benchmarks.month.clearing import clear, clear_documents
from benchmarks.month.days import DAY_S, move, move_documents
from benchmarks.month.flat import has_stopped
from benchmarks.month.sizes import Measured, collections, sizes
from infirmary.settings import Settings

FIRST_DAY: Final = 2
"""So far behind today's rows that none of them is taken for one of the month's."""

KEPT: Final[Mapping[str, int]] = {
    "saga_sequence_days": 2,
    "saga_archive_after_days": 1,
    "saga_kept_days": 3,
    "idempotency_key_days": 1,
}
"""So short that what is kept has come together after a third of a month: four days of sequences, ten of the archive."""


@dataclass(slots=True)
class Kept:
    """What a service has kept at the end of each day.

    Attributes:
        service: Its name.
        days: For each day, what was measured of each table, by its name.
    """

    service: str
    days: list[Mapping[str, Measured]] = field(default_factory=list)

    def tables(self) -> list[str]:
        """Returns the names of the tables, those of the library first."""
        return sorted(self.days[-1], key=lambda name: (not self.days[-1][name].of_library, name))

    def rows(self, table: str) -> list[int]:
        """Returns how many rows a table had, day by day."""
        return [day[table].rows for day in self.days]

    def growing(self) -> list[str]:
        """Returns the tables of the library that are bounded and have grown all the same."""
        bounded = [name for name in self.tables() if self.days[-1][name].is_bounded]
        return [
            name
            for name in bounded
            if not has_stopped(self.rows(name)) or not has_stopped([day[name].size_bytes for day in self.days])
        ]


class Month:
    """The databases of a hospital, by their services."""

    def __init__(self, settings: Mapping[str, Settings]) -> None:
        """Takes the settings that lead to the databases; how long things are kept is the month's own affair."""
        self._settings = {name: each.model_copy(update=dict(KEPT)) for name, each in settings.items()}
        self.kept = {name: Kept(name) for name in settings}
        self._day = FIRST_DAY

    def live(self, day: Callable[[], None]) -> None:
        """Lets a day go by.

        Args:
            day: Does what is done on it, and comes back when nothing is under way any more.
        """
        begun = time.time()
        day()
        ended = time.time()
        for service, settings in self._settings.items():
            self.kept[service].days.append(self._end(service, settings, begun, ended))
        self._day += 1

    def _end(self, service: str, settings: Settings, begun: float, ended: float) -> Mapping[str, Measured]:
        def clock() -> float:
            return time.time() + self._day * DAY_S

        if settings.database_url.startswith("mongodb"):
            with _documents(settings) as documents:
                move_documents(documents, begun, ended, self._day)
                clear_documents(settings, documents, clock)
                return _by_name(collections(documents))
        with psycopg.connect(settings.database_url, autocommit=True) as database:
            move(database, begun, ended, self._day)
            clear(service, settings, database, clock)
            return _by_name(sizes(database))


def _by_name(measured: Iterable[Measured]) -> dict[str, Measured]:
    return {each.table: each for each in measured}


@contextmanager
def _documents(settings: Settings) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](settings.database_url, uuidRepresentation="standard", tz_aware=True) as client:
        yield client.get_default_database()
