"""What every `migrations/env.py` does: runs the migrations beside it, each in a transaction of its own."""

from alembic import context

VERSION_TABLE = "version_table"
"""The attribute of alembic's configuration that names the table with the revision a database is at."""


def run() -> None:
    """Runs the migrations that are asked for, or prints their statements where there is no database."""
    attributes = context.config.attributes
    # alembic takes a name of its own for None
    table = attributes.get(VERSION_TABLE) or "alembic_version"
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", version_table=table)
    else:
        context.configure(connection=attributes["connection"], version_table=table, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
