"""What migrations do to tables that are in use, so that nobody waits for them for long.

Each statement of `limit` and `index` is a transaction of its own and takes its lock for a moment, or one beside which
work goes on. A migration that was interrupted begins again from the start, so each step can be taken twice.
"""

import logging
import re
from textwrap import dedent
from typing import Final

from alembic import context, op
from sqlalchemy import text

_logger = logging.getLogger(__name__)

_MADE: Final = re.compile(r"^CREATE (?:UNLOGGED )?(?:TABLE|INDEX) (\w+)", re.MULTILINE)
_END: Final = re.compile(r";$", re.MULTILINE)


def make(statements: str) -> None:
    """Makes tables and indexes, all in one transaction; leaves alone what there is of the same name.

    `IF NOT EXISTS` would do it with a lock on the table, even for an index that is there.

    Args:
        statements: CREATE TABLE and CREATE INDEX, each ended by a semicolon at the end of a line.
    """
    for statement in _END.split(dedent(statements).strip()):
        made = _MADE.search(statement)
        if made is not None and not _is_there(made[1]):
            op.execute(statement.strip())


def limit(table: str, **checks: str) -> None:
    """Adds a CHECK for each name, `<table>_<name>_limit`.

    Rows that break it already stay as they are, and the log says so: they do not stop the release that would mend them.

    Args:
        table: The table.
        checks: What must be true of a row.
    """
    with op.get_context().autocommit_block():
        for name, check in checks.items():
            constraint = f"{table}_{name}_limit"
            op.execute(
                f"""ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint},
                    ADD CONSTRAINT {constraint} CHECK ({check}) NOT VALID"""
            )
            op.execute(
                f"""DO $$ BEGIN
                        ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};
                    EXCEPTION WHEN check_violation THEN
                        RAISE WARNING 'some rows of {table} break {constraint}';
                    END $$"""
            )
            _tell_of_old_rows(table, constraint)


def index(name: str, on: str, instead_of: str | None = None) -> None:
    """Makes an index, perhaps in place of another one, of a table that is in use.

    Args:
        name: The new index.
        on: Table and columns.
        instead_of: The index that is no longer needed, if there is one.
    """
    if context.is_offline_mode():  # for an empty database, in which nobody waits
        op.execute(f"CREATE INDEX {name} ON {on}")
        return
    if instead_of is None and _is_empty(on.split()[0]):
        # Done in a moment, and so in the transaction, which may be that of a migration of somebody else's.
        op.execute(f"DROP INDEX IF EXISTS {name}")
        op.execute(f"CREATE INDEX {name} ON {on}")
        return
    with op.get_context().autocommit_block():
        # One that was interrupted is there, and of no use.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {on}")
        if instead_of is not None:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {instead_of}")


def _is_there(name: str) -> bool:
    """Says whether the database has a table or an index; where statements are only printed it has none."""
    if context.is_offline_mode():
        return False
    return op.get_bind().scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None


def _is_empty(table: str) -> bool:
    return not op.get_bind().scalar(text(f"SELECT EXISTS (SELECT FROM {table})"))


def _tell_of_old_rows(table: str, constraint: str) -> None:
    validated = op.get_bind().scalar(
        text("SELECT convalidated FROM pg_constraint WHERE conname = :name"), {"name": constraint}
    )
    if not validated:
        _logger.warning("some rows of %s break %s; new ones cannot", table, constraint)
