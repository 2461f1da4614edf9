"""The tables of inventory."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class MedicationColumns(sa.TypedColumns):
    """A medication and its boxes."""

    code = sa.Column(sa.Text, primary_key=True)
    name = sa.Column(sa.Text, nullable=False)
    unit_price = sa.Column(sa.Numeric(12, 2), nullable=False)
    on_hand = sa.Column(sa.BigInteger, nullable=False)
    # May be above on_hand: a stocktake finds what it finds.
    reserved = sa.Column(sa.BigInteger, nullable=False)


class ReservationColumns(sa.TypedColumns):
    """What is kept for a prescription.

    No foreign key to medications: a prescription may name one that nobody knows, and is rejected.
    """

    prescription_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    medication_code = sa.Column(sa.Text, nullable=False)
    quantity = sa.Column(sa.BigInteger, nullable=False)
    status = sa.Column(sa.Text, nullable=False)


medications = sa.Table(
    "medications",
    metadata,
    MedicationColumns,
    sa.CheckConstraint("length(code) BETWEEN 1 AND 64", "code"),
    sa.CheckConstraint("length(name) BETWEEN 1 AND 200", "name"),
    sa.CheckConstraint("unit_price >= 0", sa.schema.conv("medications_unit_price_check")),
    sa.CheckConstraint("unit_price BETWEEN 0 AND 99999999.99", "unit_price"),
    # Below nought in the middle of a restore, which knows of a dispensing before it knows of the delivery.
    sa.CheckConstraint("on_hand BETWEEN -1000000000000000 AND 1000000000000000", "on_hand"),
    sa.CheckConstraint("reserved >= 0", sa.schema.conv("medications_reserved_check")),
    sa.CheckConstraint("reserved <= 1000000000000000", "reserved"),
    postgresql_with={"fillfactor": 80},
)

reservations = sa.Table(
    "reservations",
    metadata,
    ReservationColumns,
    sa.CheckConstraint("length(medication_code) <= 64", "medication_code"),
    sa.CheckConstraint("quantity BETWEEN 0 AND 1000000", "quantity"),
    sa.CheckConstraint(
        "status IN ('new', 'reserved', 'rejected', 'released', 'dispensed', 'cancelled')",
        sa.schema.conv("reservations_status_check"),
    ),
    postgresql_with={"fillfactor": 80},
)
