"""What amounts and balances may be. NaN is above every number, so a range leaves it out."""

from infirmary.postgres.migration_steps import limit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the limits."""
    limit(
        "accounts",
        balance="balance BETWEEN 0 AND 999999999999999999999999.99",
        version="version >= 0",
    )
    limit(
        "entries",
        amount="amount BETWEEN 0 AND 999999999999999999.99",
        at="isfinite(at)",
    )
