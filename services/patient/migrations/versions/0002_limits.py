"""What names, days and versions may be."""

from infirmary.postgres.migration_steps import limit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the limits."""
    limit(
        "patients",
        full_name="length(full_name) BETWEEN 1 AND 200",
        date_of_birth="date_of_birth BETWEEN '0001-01-01' AND '9999-12-31'",
        version="version >= 1",
    )
