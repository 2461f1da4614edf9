"""Alembic's entry: runs this service's migrations."""

from infirmary.postgres.migration_environment import run

run()
