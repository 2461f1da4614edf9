"""What a ward may hold, and the order in which its reservations are listed."""

from infirmary.postgres.migration_steps import index, limit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the limits, and the indexes in place of those without an order."""
    limit(
        "wards",
        ward_id="length(ward_id) BETWEEN 1 AND 64",
        name="length(name) BETWEEN 1 AND 200",
        beds="beds <= 10000",
    )
    limit(
        "reservations",
        reserved_at="isfinite(reserved_at)",
    )
    index("reservations_of_ward", "reservations (ward_id, admission_id)", instead_of="reservations_ward")
