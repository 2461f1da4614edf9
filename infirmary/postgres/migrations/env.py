"""Alembic's entry: runs the migrations of the library's own tables."""

from infirmary.postgres.migration_environment import run

run()
