"""A backup of a database, as pg_dump makes one: all rows of all tables at one moment."""

from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY relname LIKE '%\\_history', relname
"""
"""What refers to another table comes behind it."""


class Backup:
    """What was in a database of PostgreSQL."""

    def __init__(self, database: psycopg.Connection[Any]) -> None:
        with database.transaction():
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._tables = {name: self._dump(database, name) for (name,) in database.execute(_TABLES).fetchall()}

    def put_back(self, database: psycopg.Connection[Any]) -> None:
        """Puts it in the place of what is there now."""
        with database.transaction(), database.cursor() as cursor:
            for name in reversed(self._tables):
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name, rows in self._tables.items():
                with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(name))) as copy:
                    copy.write(rows)

    def _dump(self, database: psycopg.Connection[Any], name: str) -> bytes:
        with database.cursor().copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(name))) as copy:
            return b"".join(bytes(block) for block in copy)
