"""How admissions are found; each is a row of the library's table `saga`."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the index for the list of a patient's admissions."""
    op.execute("CREATE INDEX admissions_of_patient ON saga ((data ->> 'patient_id'), saga_id)")
