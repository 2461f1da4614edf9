"""Drafts a service's next migration: what its `tables.py` declares and its database does not have yet.

A draft is to be read by a person. Alembic compares tables, columns, indexes, unique and foreign keys, but sees neither
a change of a CHECK nor one of a storage parameter, and takes a renamed column for one dropped and another one added.
"""

import re
from argparse import Namespace
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from infirmary import registry
from infirmary.postgres.library_tables import is_of_library
from infirmary.postgres.migrate import engine, migrations_of
from infirmary.postgres.schema import (
    COMPARISON,
    VERSION_TABLE,
    configuration,
    library_migrations,
)
from infirmary.settings import Settings

READ_IT: Final = """\
Read it before it runs: it is what alembic has seen, not what you meant.
- A column that has got another name is dropped there and added again. Its values would be lost.
- CHECKs and storage parameters of tables that were there before are not compared: `limit` of
  infirmary.postgres.migration_steps adds a CHECK, and `ALTER TABLE ... SET (...)` sets a parameter.
- Whoever works with a table waits for what changes it. `index` makes an index beside the work, and a column that may
  not be null needs a `server_default` where there are rows."""

_OLD_INBOX: Final = "inbox"
"""A table of the library's from before its migrations; databases of that time still have it."""

_WHAT: Final = re.compile(r"\w[^\"\\\n\r\t]{0,98}")


class CannotRevise(Exception):
    """No migration can be drafted, for a reason that the message gives."""


def revise(service: str, settings: Settings, what: str) -> Path | None:
    """Writes the next migration of a service, from the difference between its `tables.py` and its database.

    Args:
        service: Whose tables.
        settings: Where a database is that is at the last revision.
        what: What the migration is for, in some words: its docstring, and part of its file's name.

    Returns:
        The file, or None when there is no difference; then none is written.

    Raises:
        CannotRevise: There are no tables, the database is at another revision or away, or the words do not do.
    """
    what = what.strip().rstrip(".")
    if not _WHAT.fullmatch(what):
        raise CannotRevise("say in up to 99 characters what the migration is for, without quotes and backslashes")
    if not (registry.folder() / service / "tables.py").exists():
        raise CannotRevise(f"{service} has no tables.py, so there is nothing to compare its database with")
    declared = cast("sa.MetaData", registry.room(service, "tables").metadata)
    try:
        with engine(service, settings).connect() as connection:
            _require_head(connection, library_migrations(), "the library's part of the database")
            _require_head(connection, configuration(migrations_of(service)), "the database")
            return _draft(connection, migrations_of(service), declared, what)
    except OperationalError as away:
        raise CannotRevise(f"the database is away: {' '.join(str(away.orig).split())}") from away
    except CommandError as refused:
        raise CannotRevise(str(refused)) from refused


def _require_head(connection: Connection, config: Config, what: str) -> None:
    table = config.attributes.get(VERSION_TABLE)
    context = MigrationContext.configure(connection, opts={"version_table": table} if table else {})
    there, wanted = context.get_current_heads(), ScriptDirectory.from_config(config).get_heads()
    if set(there) != set(wanted):
        raise CannotRevise(
            f"{what} is at revision {_named(there)} and the code at {_named(wanted)}: migrate first, with this code"
        )
    connection.rollback()


def _draft(connection: Connection, migrations: Path, declared: sa.MetaData, what: str) -> Path | None:
    config = configuration(migrations)
    config.cmd_opts = Namespace(quiet=True)
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("truncate_slug_length", "60")
    config.attributes["connection"] = connection
    config.attributes[COMPARISON] = {
        "target_metadata": declared,
        "include_name": _is_of_service(declared),
        "compare_server_default": True,
    }
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    number = 1 + max((int(revision) for revision in known if revision.isdecimal()), default=len(known))
    written = command.revision(
        config,
        what[0].upper() + what[1:],
        autogenerate=True,
        rev_id=f"{number:04}",
        version_path=str(migrations / "versions"),
        process_revision_directives=_nothing_without_a_difference,
    )
    if not isinstance(written, Script):
        return None
    package = migrations / "__init__.py"
    if not package.exists():
        package.write_text('"""The history of this service\'s database."""\n')
    return Path(written.path)


def _nothing_without_a_difference(_: Any, __: Any, directives: list[Any]) -> None:
    if directives[0].upgrade_ops.is_empty():
        directives.clear()


def _is_of_service(declared: sa.MetaData) -> Any:
    """Returns alembic's `include_name`: no table of the library, unless the service declares it as its own, too."""

    def include_name(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in declared.tables or not (is_of_library(name) or name == _OLD_INBOX)

    return include_name


def _named(revisions: Collection[str]) -> str:
    return ", ".join(revisions) or "none"
