"""What each service's `migrations/env.py` does: runs its migrations, each in a transaction of its own."""

from alembic import context

from infirmary.postgres.schema import add_what_came_later


def run() -> None:
    """Runs the migrations that are asked for."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    add_what_came_later(connection)
