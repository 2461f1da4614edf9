"""The library's tables in a database that somebody else's alembic looks after."""

from types import ModuleType
from typing import Final

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from infirmary.postgres.schema import LIBRARY_VERSION_TABLE, library_migrations

_NOTED: Final = f"""
CREATE TABLE {LIBRARY_VERSION_TABLE} (version_num varchar(32) PRIMARY KEY);
INSERT INTO {LIBRARY_VERSION_TABLE} VALUES ('{{}}')
"""
"""What is printed, where statements are not run but printed, in place of what alembic does by itself."""


def create_tables(op: ModuleType) -> None:
    """Makes the library's tables, or brings them to the installed release, in a migration of the app's own.

        def upgrade():
            create_tables(op)

    It can be called again, by a later migration, when a release of the library says that it has new tables. What a
    later release has made is left as it is. Nothing takes them back: the outbox may hold messages.

    Args:
        op: `alembic.op`, in a migration that is under way.
    """
    script = ScriptDirectory.from_config(library_migrations())
    if op.get_context().as_sql:
        _make(script, ())
        op.execute(_NOTED.format(script.get_current_head()))
        return
    context = MigrationContext.configure(op.get_bind(), opts={"version_table": LIBRARY_VERSION_TABLE})
    there = context.get_current_heads()
    if {each.revision for each in script.walk_revisions()}.issuperset(there):
        _make(script, there)
        context.stamp(script, "head")


def _make(script: ScriptDirectory, there: tuple[str, ...]) -> None:
    """Takes the steps that are missing; their statements go through the `op` of the migration that is under way."""
    steps = list(script.iterate_revisions("head", there[0] if there else "base"))
    for step in reversed(steps):
        step.module.upgrade()
