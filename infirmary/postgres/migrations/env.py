"""Alembic's entry: runs the library's migrations, or a service's, each in a transaction; or prints their statements.

Where a draft of a migration is asked for, it compares a database with the tables that a service declares.
"""

from alembic import context

from infirmary.postgres.schema import COMPARISON, VERSION_TABLE

attributes = context.config.attributes
table = attributes.get(VERSION_TABLE) or "alembic_version"  # not None, which alembic would take for a name
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table=table)
else:
    context.configure(
        connection=attributes["connection"],
        version_table=table,
        transaction_per_migration=True,
        **attributes.get(COMPARISON, {}),
    )
with context.begin_transaction():
    context.run_migrations()
