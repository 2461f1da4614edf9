"""How many rows a table has, and how many bytes, after what is dead in it was cleared away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from pymongo.database import Database

from infirmary.postgres.library_tables import is_of_library

_SIZES: Final[LiteralString] = """
SELECT relname, (SELECT sum(pg_total_relation_size(oid))::bigint
                 FROM (SELECT whole.oid UNION SELECT relid FROM pg_partition_tree(whole.oid)) parts (oid))
FROM pg_class whole
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace ORDER BY 1
"""
"""All weeks of an archive are one table here."""

ON_DISK: Final = "all but the record, on disk"

COLLECTIONS: Final = ("log_reader", "log_sequence", "log_sharing", "parked_message")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a table holds, or a database as a whole.

    Attributes:
        table: Its name.
        rows: How many.
        size_bytes: With indexes, and what is stored beside it.
        of_library: Whether it is one of the library's, and not the record of the service.
        is_bounded: Whether it must not grow with the days.
    """

    table: str
    rows: int
    size_bytes: int
    of_library: bool
    is_bounded: bool


def sizes(database: psycopg.Connection[Any]) -> Iterator[Measured]:
    """Clears away what is dead in a PostgreSQL database, and measures each table, and all that is no record."""
    database.execute("VACUUM ANALYZE")
    on_disk = int((database.execute("SELECT pg_database_size(current_database())").fetchone() or (0,))[0])
    for table, size_bytes in database.execute(_SIZES).fetchall():
        of_library = is_of_library(table)
        on_disk -= 0 if of_library else size_bytes
        yield Measured(table, _rows(database, table), size_bytes, of_library, is_bounded=of_library)
    yield Measured(ON_DISK, 0, on_disk, of_library=True, is_bounded=True)


def collections(database: Database[dict[str, Any]]) -> Iterator[Measured]:
    """Measures each collection of a MongoDB database, and all that is no record."""
    on_disk = 0
    for name in sorted(database.list_collection_names()):
        if name.startswith("system."):
            continue
        bounded = name in COLLECTIONS
        found = database.command("collStats", name)
        size_bytes = int(found["storageSize"]) + int(found["totalIndexSize"])
        on_disk += size_bytes if bounded else 0
        rows = database[name].count_documents({})
        yield Measured(name, rows, size_bytes, of_library=bounded, is_bounded=bounded)
    yield Measured(ON_DISK, 0, on_disk, of_library=True, is_bounded=True)


def _rows(database: psycopg.Connection[Any], table: str) -> int:
    counting = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    return int((database.execute(counting, ()).fetchone() or (0,))[0])
