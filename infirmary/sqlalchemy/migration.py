"""The library's tables in a database that somebody else's alembic looks after."""

from types import ModuleType
from typing import Final

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from infirmary.postgres.library_tables import LIBRARY_VERSION_TABLE, metadata
from infirmary.postgres.schema import library_migrations

_NOTED: Final = f"""
CREATE TABLE {LIBRARY_VERSION_TABLE} (version_num varchar(32) PRIMARY KEY);
INSERT INTO {LIBRARY_VERSION_TABLE} VALUES ('{{}}')
"""
"""What is printed, where statements are not run but printed, in place of what alembic does by itself."""


class NameTaken(RuntimeError):
    """A table of the app's own has the name of one of the library's."""


def create_tables(op: ModuleType) -> None:
    """Makes the library's tables, or brings them to the installed release, in a migration of the app's own.

        def upgrade():
            create_tables(op)

    It can be called again, by a later migration, when a release of the library says that it has new tables. What a
    later release has made is left as it is. Nothing takes them back: the outbox may hold messages.

    Args:
        op: `alembic.op`, in a migration that is under way.

    Raises:
        NameTaken: The database has a table of the app's own by the name of one of the library's.
    """
    script = ScriptDirectory.from_config(library_migrations())
    if op.get_context().as_sql:
        _make(script, ())
        op.execute(_NOTED.format(script.get_current_head()))
        return
    context = MigrationContext.configure(op.get_bind(), opts={"version_table": LIBRARY_VERSION_TABLE})
    there = context.get_current_heads()
    if {each.revision for each in script.walk_revisions()}.issuperset(there):
        if not there:
            _check_names(op.get_bind())
        _make(script, there)
        context.stamp(script, "head")


def _check_names(connection: sa.Connection) -> None:
    inspector = sa.inspect(connection)
    for table in metadata.sorted_tables:
        if not inspector.has_table(table.name):
            continue
        unknown = {column["name"] for column in inspector.get_columns(table.name)} - set(table.c.keys())
        if unknown:
            raise NameTaken(
                f"there is a table {table.name} with {', '.join(sorted(unknown))}, which is not the library's:"
                " rename it first, in a migration of its own"
            )


def _make(script: ScriptDirectory, there: tuple[str, ...]) -> None:
    """Takes the steps that are missing; their statements go through the `op` of the migration that is under way."""
    steps = list(script.iterate_revisions("head", there[0] if there else "base"))
    for step in reversed(steps):
        step.module.upgrade()
