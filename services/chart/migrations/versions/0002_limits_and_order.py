"""What a chart may show, and the order of its lists."""

from infirmary.postgres.migration_steps import index, limit

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the limits, and the indexes in place of those without an order."""
    limit(
        "patients",
        full_name="length(full_name) BETWEEN 1 AND 200",
        version="version >= 0",
        date_of_birth="date_of_birth BETWEEN '0001-01-01' AND '9999-12-31'",
        ward_id="length(ward_id) BETWEEN 1 AND 64",
    )
    limit(
        "admissions",
        status="status IN ('completed', 'failed')",
    )
    limit(
        "prescriptions",
        medication_code="length(medication_code) BETWEEN 1 AND 64",
        quantity="quantity BETWEEN 1 AND 1000000",
        status="status IN ('pending', 'accepted', 'rejected', 'dispensed', 'cancelled')",
        reason="length(reason) BETWEEN 1 AND 1000",
    )
    limit(
        "stock",
        stock="stock IN ('reserved', 'rejected', 'released', 'dispensed')",
    )
    limit(
        "accounts",
        balance="balance BETWEEN 0 AND 999999999999999999999999.99",
        version="version >= 1",
    )
    limit(
        "lab_results",
        test="length(test) BETWEEN 1 AND 200",
        value="length(value) BETWEEN 1 AND 200",
        unit="length(unit) <= 32",
    )
    limit(
        "notifications",
        kind="length(kind) BETWEEN 1 AND 200",
        text="length(text) BETWEEN 1 AND 1000",
    )
    index(
        "prescriptions_in_order", "prescriptions (patient_id, prescription_id)", instead_of="prescriptions_of_patient"
    )
    index("lab_results_in_order", "lab_results (patient_id, lab_result_id)", instead_of="lab_results_of_patient")
    index(
        "notifications_in_order", "notifications (patient_id, notification_id)", instead_of="notifications_of_patient"
    )
