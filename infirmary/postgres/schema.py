"""The library's own tables: how they come into a service's database, and what they are for whoever reads.

They have migrations of their own, with a table of versions of their own, `infirmary_version`. So a database made by any
release follows an upgrade of the library, whatever its service's own migrations do.
"""

from collections.abc import Collection
from io import StringIO
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import Connection

from infirmary.postgres.library_tables import LIBRARY_VERSION_TABLE

VERSION_TABLE: Final = "version_table"
"""The attribute of alembic's configuration that names the table with the revision a database is at."""

COMPARISON: Final = "comparison"
"""The attribute of alembic's configuration with what a database is compared with: `target_metadata` and the like."""

_OF_LIBRARY: Final = Path(__file__).parent / "migrations"


def library_migrations() -> Config:
    """Returns alembic's configuration of the library's own migrations."""
    config = configuration(_OF_LIBRARY)
    config.attributes[VERSION_TABLE] = LIBRARY_VERSION_TABLE
    return config


def configuration(folder: Path) -> Config:
    """Returns alembic's configuration of the migrations in a folder's `versions`; all are run by one `env.py`."""
    config = Config()
    config.set_main_option("script_location", str(_OF_LIBRARY))
    config.set_main_option("version_locations", str(folder / "versions"))
    config.set_main_option("path_separator", "os")
    return config


def statements() -> str:
    """Returns the SQL that makes the library's tables in an empty database, and notes their revision there.

    A database that was made by it can be taken on by a later migration.
    """
    printed = StringIO()
    config = library_migrations()
    config.output_buffer = printed
    command.upgrade(config, "head", sql=True)
    return printed.getvalue()


def note_logs(connection: Connection, logs: Collection[str]) -> None:
    """Notes which logs the service writes, for its relay to declare."""
    connection.execute(text("DELETE FROM outbox_log WHERE NOT log = ANY(:logs)"), {"logs": list(logs)})
    connection.execute(
        text("INSERT INTO outbox_log (log) SELECT unnest(CAST(:logs AS text[])) ON CONFLICT DO NOTHING"),
        {"logs": list(logs)},
    )
    connection.commit()
