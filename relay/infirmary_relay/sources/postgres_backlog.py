"""What waits in an outbox in PostgreSQL."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import psycopg

from infirmary_relay.message import DIGEST
from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_ownership import PostgresConnection
from infirmary_relay.sources.postgres_reading import is_about_a_row
from infirmary_relay.sources.postgres_types import Ids
from infirmary_relay.sources.source import Backlog, HeldBack

_COUNTED_ROWS = 10_000


def measure(
    connection: PostgresConnection, floor: int, owned: AbstractSet[int], sent: Iterable[int], held_back: HeldBack
) -> Backlog:
    """Looks at what lies above the floor, no further than at 10,000 rows.

    Args:
        connection: of the relay.
        floor: below which nothing waits, not even what is held back.
        owned: the partitions of this relay.
        sent: rows that were confirmed and cannot be deleted yet.
        held_back: what is not expected to be delivered.
    """
    asked = {"floor": floor, "limit": _COUNTED_ROWS}
    ((count, oldest_at),) = connection.execute(statements.BACKLOG, asked).fetchall()
    if not count:
        return Backlog(0, 0.0, is_deliverable=False)
    return Backlog(count, oldest_at, _is_deliverable(connection, asked, owned, sent, held_back))


def still_there(connection: PostgresConnection, keys: Iterable[int], owned: AbstractSet[int]) -> AbstractSet[int]:
    """Which of these rows are in the outbox, in a partition of this relay; all of them while nobody can look."""
    asked = {"ids": Ids(keys), "partitions": sorted(owned)}
    try:
        return {row_id for (row_id,) in connection.execute(statements.PRESENT, asked)}
    except psycopg.errors.LockNotAvailable:
        return frozenset(keys)


def _is_deliverable(
    connection: PostgresConnection,
    asked: dict[str, int],
    owned: AbstractSet[int],
    sent: Iterable[int],
    held_back: HeldBack,
) -> bool:
    names = {
        "partitions": sorted(owned),
        "sent": Ids(sent),
        "targets": list(held_back.targets),
        "subjects": list(held_back.subjects),
        "digests": digests(held_back),
    }
    try:
        ((found,),) = connection.execute(statements.IS_DELIVERABLE, asked | names).fetchall()
    except psycopg.Error as odd:
        if not is_about_a_row(odd):
            raise
        return False  # as long as one row cannot be read, nobody knows it of the others
    return bool(found)


def digests(held_back: HeldBack) -> list[str]:
    """The digests of those subjects that are known by nothing else."""
    return [name.removeprefix(DIGEST) for name in held_back.subjects if name.startswith(DIGEST)]
