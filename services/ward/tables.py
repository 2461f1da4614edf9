"""The tables of ward."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class WardColumns(sa.TypedColumns):
    """A ward."""

    ward_id = sa.Column(sa.Text, primary_key=True)
    name = sa.Column(sa.Text, nullable=False)
    beds = sa.Column(sa.Integer, nullable=False)


class ReservationColumns(sa.TypedColumns):
    """A bed that is held; an admission holds one at the most."""

    admission_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    ward_id = sa.Column(sa.Text, sa.ForeignKey("wards.ward_id"), nullable=False)
    reserved_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.clock_timestamp())


wards = sa.Table(
    "wards",
    metadata,
    WardColumns,
    sa.CheckConstraint("length(ward_id) BETWEEN 1 AND 64", "ward_id"),
    sa.CheckConstraint("length(name) BETWEEN 1 AND 200", "name"),
    sa.CheckConstraint("beds >= 0", sa.schema.conv("wards_beds_check")),
    sa.CheckConstraint("beds <= 10000", "beds"),
    postgresql_with={"fillfactor": 80},
)

reservations = sa.Table(
    "reservations",
    metadata,
    ReservationColumns,
    sa.CheckConstraint("isfinite(reserved_at)", "reserved_at"),
)

sa.Index("reservations_of_ward", reservations.c.ward_id, reservations.c.admission_id)
