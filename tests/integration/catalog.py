"""What the catalogs of a PostgreSQL database say about its tables, to be compared with another one's."""

from typing import Any

import psycopg

from infirmary.settings import Settings

_QUERIES = {
    "columns": """
        SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, identity_generation,
               (numeric_precision, numeric_scale)
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "identities": """
        SELECT sequencename, data_type, start_value, increment_by, cycle, cache_size FROM pg_sequences
        WHERE schemaname = 'public'""",
    "options": """
        SELECT relname, relkind, relpersistence, (SELECT array_agg(each ORDER BY each) FROM unnest(reloptions) each)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace""",
}


def execute(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    """Runs a statement in a transaction of its own and returns its rows."""
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def catalog(settings: Settings, *, without: tuple[str, ...] = ()) -> dict[str, set[tuple[Any, ...]]]:
    """Returns what the database holds, but for tables whose names begin with one of these, and what belongs to them."""
    return {
        kind: {tuple(map(str, row)) for row in execute(settings, query) if not str(row[0]).startswith(without)}
        for kind, query in _QUERIES.items()
    }
