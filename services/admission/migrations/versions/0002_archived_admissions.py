"""How archived admissions are found; each is a row of the library's table `saga_archive`."""

from infirmary.postgres.migration_steps import make

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the index for the list of a patient's admissions; nobody has archived any yet."""
    make("CREATE INDEX archived_admissions_of_patient ON saga_archive ((data ->> 'patient_id'), saga_id);")
