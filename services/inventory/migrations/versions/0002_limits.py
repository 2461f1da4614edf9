"""What prices and numbers of boxes may be. NaN is above every number, so a range leaves it out."""

from infirmary.postgres.migration_steps import limit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the limits."""
    limit(
        "medications",
        code="length(code) BETWEEN 1 AND 64",
        name="length(name) BETWEEN 1 AND 200",
        unit_price="unit_price BETWEEN 0 AND 99999999.99",
        on_hand="on_hand <= 1000000000000000",
        reserved="reserved <= 1000000000000000",
    )
    limit(
        "reservations",
        medication_code="length(medication_code) <= 64",
        quantity="quantity BETWEEN 0 AND 1000000",
    )
