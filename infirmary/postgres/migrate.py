"""Runs the migrations of the library's tables, then a service's own, safely also when several processes begin at once.

A statement that waits for a lock makes all others who want the same table wait behind it. So a migration gives its
place in the queue up after a second, takes back the one revision that it is in, and begins that again a little later.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Table, create_engine, pool, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from infirmary.postgres.database import is_transient
from infirmary.postgres.granting import grant_rights
from infirmary.postgres.rights import RIGHTS, OwnRights
from infirmary.postgres.schema import VERSION_TABLE, configuration, library_migrations, note_logs
from infirmary.postgres.session import parameters, session_options
from infirmary.registry import folder, logs_written_by, room
from infirmary.retry_after import InTheWay, patiently
from infirmary.settings import Settings

_logger = logging.getLogger(__name__)

_LOCK: Final = "hashtextextended('infirmary:migration', 0)"

_SETTINGS: Final = {
    "lock_timeout": "1s",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_read_only": "off",
}

_LOCK_IS_TAKEN: Final = ("55P03", "40P01")
"""Somebody else holds a lock: for longer than lock_timeout, or in a deadlock with this session."""


def migrate(service: str, settings: Settings, revision: str = "head", schema: str = "") -> None:
    """Brings a service's database to the library's last revision and to one of its own. It never takes one back.

    Then each process's role gets the rights that it should have. Each revision is a transaction; what is done stays
    done.

    Args:
        service: Whose database it is. One that has no `migrations/` sees to its own tables by itself.
        settings: Where it is.
        revision: The service's own revision that is wanted.
        schema: Where the tables are made, if it is not where the service's processes look for theirs.

    Raises:
        GaveUp: A lock, another migration or a database that is away has lasted longer than `migration_wait_s`.
        sqlalchemy.exc.DBAPIError: A statement of a migration is wrong.
    """
    own, logs = migrations_of(service), logs_written_by(service, settings.access_recorded_by)
    rights = own_rights(service)

    def upgrade(connection: Connection) -> None:
        _upgrade_library(connection)
        if own.exists():
            _upgrade(connection, configuration(own), revision, "the database is")
        note_logs(connection, logs)
        grant_rights(connection, rights)

    _alone(service, settings, upgrade, schema)


def migrate_library(name: str, settings: Settings) -> None:
    """Brings the library's own tables to its last revision, in a database whose other tables are somebody else's work.

    Args:
        name: What the session and the messages call the service.
        settings: Where the database is.

    Raises:
        GaveUp: As of `migrate`.
    """
    _alone(name, settings, _upgrade_library)


def migrations_of(service: str) -> Path:
    """Returns the folder of a service's migrations."""
    return folder() / service / "migrations"


def own_rights(service: str) -> OwnRights:
    """Returns what a service says in its `tables.py` of who may do what with its tables."""
    if not (folder() / service / "tables.py").exists():
        return {}
    declared = [each for each in vars(room(service, "tables")).values() if isinstance(each, Table)]
    return {table.name: table.info[RIGHTS] for table in declared if RIGHTS in table.info}


def engine(service: str, settings: Settings, schema: str = "") -> Engine:
    """Returns what opens sessions for migrations; each is closed after its use.

    psycopg opens them: SQLAlchemy's URLs do not have all that libpq's have, such as two hosts.
    """
    options = session_options(**_SETTINGS, search_path=schema) if schema else session_options(**_SETTINGS)
    settings = settings.as_owner()
    chosen: dict[str, Any] = {**parameters(settings, f"{service}/migrate", options)}
    chosen |= {"autocommit": False, "prepare_threshold": None}

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(settings.database_url, **chosen)
        # Not every version has it, so it cannot be asked for at the start.
        connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'")
        connection.commit()
        return connection

    return create_engine("postgresql+psycopg://", creator=connect, poolclass=pool.NullPool)


def _alone(service: str, settings: Settings, work: Callable[[Connection], None], schema: str = "") -> None:
    """Does the work on a database that no other migration, of whichever release, is at."""
    database = engine(service, settings, schema)

    def once() -> None:
        with database.connect() as connection:
            # One after the other; the lock ends with the session.
            if not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK})")).scalar_one():
                raise InTheWay("another migration of this database is under way")
            connection.commit()
            work(connection)

    patiently(f"the migration of {service}", settings.migration_wait_s, once, _in_the_way)


def _upgrade_library(connection: Connection) -> None:
    _upgrade(connection, library_migrations(), "head", "the library's part of the database is")


def _upgrade(connection: Connection, config: Config, revision: str, what_is: str) -> None:
    if not _is_newer(connection, config, what_is):
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _is_newer(connection: Connection, config: Config, what_is: str) -> bool:
    """Says whether a later release has been here. Migrations only add, so this one's code works with what is there."""
    table = config.attributes.get(VERSION_TABLE)
    there = MigrationContext.configure(connection, opts={"version_table": table} if table else {}).get_current_heads()
    connection.rollback()
    script = ScriptDirectory.from_config(config)
    known = {each.revision for each in script.walk_revisions()}
    if known.issuperset(there):
        return False
    _logger.warning(
        "%s at revision %s, newer than this image's %s: it is left as it is",
        what_is,
        ", ".join(there),
        ", ".join(script.get_heads()),
    )
    return True


def _in_the_way(error: Exception) -> str | None:
    """Says in one line what a migration has to wait for; None for what does not pass by itself."""
    if isinstance(error, InTheWay):
        return str(error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if cause is None or not is_transient(cause):
        return None
    said = " ".join(str(cause).split()) or type(cause).__name__
    if isinstance(cause, psycopg.Error) and cause.sqlstate in _LOCK_IS_TAKEN:
        return f"somebody holds a lock that it needs ({said})"
    return f"the database is away ({said})"
