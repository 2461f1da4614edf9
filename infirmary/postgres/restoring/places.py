"""How far the service's own logs were gone through: rows of `restore_progress`, which live as long as a restore."""

from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Jsonb

from infirmary.postgres.transaction import Query
from infirmary.restoring.database import Found, Place, found_in


@dataclass(frozen=True, slots=True)
class _Row:
    log: str
    next_offset: int
    found: dict[str, Any]


def places(query: Query) -> dict[str, Place]:
    """Returns the place of each log that has one."""
    rows = query.many(_Row, "SELECT log, next_offset, found FROM restore_progress")
    return {row.log: Place(row.next_offset, found_in(row.found)) for row in rows}


def move(query: Query, log: str, next_offset: int, found: Found) -> None:
    """Notes how far a log has been gone through, and what that has been so far."""
    query.execute(
        """INSERT INTO restore_progress (log, next_offset, found) VALUES (%(log)s, %(next_offset)s, %(found)s)
           ON CONFLICT (log) DO UPDATE SET next_offset = excluded.next_offset, found = excluded.found""",
        log=log,
        next_offset=next_offset,
        found=Jsonb(asdict(found)),
    )


def forget(query: Query) -> None:
    """Forgets all places: the restore is done."""
    query.execute("DELETE FROM restore_progress")
