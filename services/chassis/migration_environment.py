"""What each service's `migrations/env.py` does: runs its migrations, each in a transaction of its own."""

from alembic import context


def run() -> None:
    """Runs the migrations that are asked for."""
    context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
