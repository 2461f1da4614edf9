"""The library's tables; an admission is a row of its table `saga`."""

from alembic import op

from infirmary.postgres.schema import create_library_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables, and the index for the list of a patient's admissions."""
    create_library_tables(op.get_bind())
    op.execute("CREATE INDEX admissions_of_patient ON saga ((data ->> 'patient_id'), saga_id)")
