"""The SQL of ward: everything that touches its own tables."""

from uuid import UUID

from pydantic import BaseModel

from services.chassis.transaction import Query, Transaction
from services.ward.messages import BedReleased, BedReserved
from services.ward.model import Reservation, Ward


class Census(BaseModel):
    """A ward and who holds its beds."""

    ward_id: str
    name: str
    beds: int
    reserved: int
    reservations: list[Reservation]


def find(db: Query, ward_id: str) -> Ward | None:
    """Returns a ward as of now."""
    return db.one(
        Ward,
        """SELECT ward_id, name, beds, (SELECT count(*) FROM reservations r WHERE r.ward_id = w.ward_id) AS reserved
           FROM wards w WHERE ward_id = %(ward_id)s""",
        ward_id=ward_id,
    )


def lock(tx: Transaction, ward_id: str) -> Ward | None:
    """Returns a ward in which nobody else can reserve a bed until the transaction ends.

    The beds are counted by a second statement. The one that waits for the lock would count what was there before it
    waited, and the last bed would be given away twice.
    """
    tx.value("SELECT true FROM wards WHERE ward_id = %(ward_id)s FOR UPDATE", ward_id=ward_id)
    return find(tx, ward_id)


def lock_or_open(tx: Transaction, ward_id: str, name: str, beds: int) -> Ward:
    """Returns a locked ward. If there was none it is opened, with this name and these beds; two who do get the same."""
    tx.execute(
        """INSERT INTO wards (ward_id, name, beds) VALUES (%(ward_id)s, %(name)s, %(beds)s)
           ON CONFLICT (ward_id) DO NOTHING""",
        ward_id=ward_id,
        name=name,
        beds=beds,
    )
    ward = lock(tx, ward_id)
    if ward is None:
        raise LookupError(f"ward {ward_id} has gone, although nothing here closes a ward")
    return ward


def save(tx: Transaction, ward: Ward) -> None:
    """Saves what may change about a ward."""
    tx.execute(
        "UPDATE wards SET name = %(name)s, beds = %(beds)s WHERE ward_id = %(ward_id)s",
        ward_id=ward.ward_id,
        name=ward.name,
        beds=ward.beds,
    )


def lock_reservation(tx: Transaction, admission_id: UUID) -> Reservation | None:
    """Returns the bed that an admission holds, so that nobody else can release it until the transaction ends."""
    return tx.one(
        Reservation,
        """SELECT admission_id, patient_id, ward_id, reserved_at AS at FROM reservations
           WHERE admission_id = %(admission_id)s FOR UPDATE""",
        admission_id=admission_id,
    )


def insert_reservation(tx: Transaction, reserved: BedReserved) -> None:
    """Saves that an admission holds a bed."""
    tx.execute(
        """INSERT INTO reservations (admission_id, patient_id, ward_id)
           VALUES (%(admission_id)s, %(patient_id)s, %(ward_id)s)""",
        admission_id=reserved.admission_id,
        patient_id=reserved.patient_id,
        ward_id=reserved.ward_id,
    )


def delete_reservation(tx: Transaction, released: BedReleased) -> None:
    """Saves that an admission holds no bed any more."""
    tx.execute("DELETE FROM reservations WHERE admission_id = %(admission_id)s", admission_id=released.admission_id)


def census(db: Query, ward_id: str) -> Census | None:
    """Returns a ward and who holds its beds, longest first, as of one moment."""
    return db.one(
        Census,
        """SELECT w.ward_id, w.name, w.beds, count(r.admission_id) AS reserved,
                  coalesce(jsonb_agg(jsonb_build_object('admission_id', r.admission_id, 'patient_id', r.patient_id,
                                                        'ward_id', r.ward_id, 'at', r.reserved_at)
                                     ORDER BY r.reserved_at, r.admission_id)
                           FILTER (WHERE r.admission_id IS NOT NULL), '[]') AS reservations
           FROM wards w LEFT JOIN reservations r USING (ward_id) WHERE w.ward_id = %(ward_id)s GROUP BY w.ward_id""",
        ward_id=ward_id,
    )
