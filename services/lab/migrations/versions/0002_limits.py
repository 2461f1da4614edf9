"""What a result and a snapshot may hold."""

from infirmary.postgres.migration_steps import limit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the limits."""
    limit(
        "patient_snapshot",
        full_name="length(full_name) BETWEEN 1 AND 200",
        version="version >= 1",
    )
    limit(
        "lab_results",
        test="length(test) BETWEEN 1 AND 200",
        value="length(value) BETWEEN 1 AND 200",
        unit="length(unit) <= 32",
        at="isfinite(at)",
    )
