"""Makes many rows of the few that a test has, all of other keys, to measure what one costs."""

from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

COPIES: Final = 2000

_LATER: Final[LiteralString] = """
CREATE OR REPLACE FUNCTION pg_temp.later(id uuid, by_ms bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint + by_ms)
                        & (2^48 - 1)::bigint), 12, '0') || substring(id::text FROM 14))::uuid
$$
"""

_COLUMNS: Final[LiteralString] = """
SELECT attname, atttypid::regtype::text, attidentity <> '',
       EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique AND attnum = ANY(indkey))
FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_TABLES: Final[LiteralString] = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition AND relnamespace = 'public'::regnamespace
ORDER BY relname NOT IN ('saga', 'wards'), relname
"""
"""Those first to which others refer."""


def multiply(database: psycopg.Connection[Any], leave: set[str]) -> None:
    """Adds copies of each row of each table but some; ids of version 7 keep to their order."""
    database.execute(_LATER)
    for (table,) in database.execute(_TABLES).fetchall():
        if table not in leave:
            database.execute(_copying(table, database.execute(_COLUMNS, (table,)).fetchall()), {"copies": COPIES})


def _copying(table: str, columns: list[tuple[str, str, bool, bool]]) -> sql.Composed:
    written = [column for column in columns if not column[2]]
    has_id = any(kind == "uuid" and is_key for _, kind, _, is_key in written)
    texts = [name for name, kind, _, is_key in written if kind == "text" and is_key]
    values = [_value(name, kind, is_key or name == "saga_id", has_id, texts) for name, kind, _, is_key in written]
    names = sql.SQL(", ").join(sql.Identifier(column[0]) for column in written)
    statement = "INSERT INTO {table} ({names}) SELECT {values} FROM {table}, generate_series(1, %(copies)s) AS n"
    return sql.SQL(statement + " ON CONFLICT DO NOTHING").format(
        table=sql.Identifier(table), names=names, values=sql.SQL(", ").join(values)
    )


def _value(name: str, kind: str, is_key: bool, has_id: bool, texts: list[str]) -> sql.Composable:
    column = sql.Identifier(name)
    if kind == "uuid" and is_key:
        return sql.SQL("pg_temp.later({}, n)").format(column)
    if kind == "text" and is_key and not has_id and name == texts[-1]:
        return sql.SQL("{} || n").format(column)
    return column
