"""Alembic's entry: runs this service's migrations."""

from services.chassis.migration_environment import run

run()
