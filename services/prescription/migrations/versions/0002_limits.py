"""What a prescription and a snapshot may hold."""

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
        "prescriptions",
        medication_code="length(medication_code) BETWEEN 1 AND 64",
        quantity="quantity <= 1000000",
        status="status IN ('pending', 'accepted', 'rejected', 'dispensing', 'dispensed', 'cancelled')",
        reason="length(reason) BETWEEN 1 AND 1000",
        created_at="isfinite(created_at)",
    )
