"""The weeks into which an archive is divided, by the time in the ids of sagas. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self
from uuid import UUID

_NAME: Final = re.compile(r"_(\d{4})_(\d\d)_(\d\d)")
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """Seven days from a Monday on, in UTC.

    Attributes:
        monday: Its first day.
    """

    monday: date

    @classmethod
    def of_time(cls, at: float) -> Self:
        """Returns the week of a time in unix seconds."""
        day = (_FIRST + timedelta(seconds=at)).date()
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def of_id(cls, saga_id: UUID) -> Self:
        """Returns the week in which a UUID of version 7 was made."""
        return cls.of_time((saga_id.int >> 80) / 1000)

    @classmethod
    def of_partition(cls, name: str, archive: str) -> Self | None:
        """Returns the week of a partition; None for a table that is no partition of the archive by its name."""
        named = _NAME.fullmatch(name.removeprefix(archive)) if name.startswith(archive) else None
        return None if named is None else cls(date(*map(int, named.groups())))

    def is_over(self, at: float) -> bool:
        """Says whether all of it was before a time in unix seconds."""
        return self._begins() + timedelta(weeks=1).total_seconds() <= at

    def _begins(self) -> float:
        monday = datetime(self.monday.year, self.monday.month, self.monday.day, tzinfo=UTC)
        return (monday - _FIRST).total_seconds()
