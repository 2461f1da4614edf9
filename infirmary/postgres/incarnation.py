"""Whether a database is marked as set back to an earlier moment: the table `incarnation`."""

from typing import Any, Final, LiteralString

import psycopg

from infirmary.incarnation import DatabaseSetBack

_BECAUSE: Final[LiteralString] = (
    "SELECT coalesce(set_back_because, '') FROM incarnation WHERE set_back_since IS NOT NULL"
)


def set_back_because(connection: psycopg.Connection[Any]) -> str | None:
    """Returns in what it was seen that the database was set back; None where it is not marked so.

    Args:
        connection: Outside of a transaction.
    """
    try:
        found = connection.execute(_BECAUSE).fetchone()
    except psycopg.errors.UndefinedTable:  # the migration comes later: nobody can have marked it
        return None
    return None if found is None else str(found[0])


def check_not_set_back(connection: psycopg.Connection[Any]) -> None:
    """Makes sure that a database is not marked as set back.

    Args:
        connection: Outside of a transaction.

    Raises:
        DatabaseSetBack: It is.
    """
    because = set_back_because(connection)
    if because is not None:
        raise DatabaseSetBack(because)
