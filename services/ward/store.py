"""The SQL of ward: everything that touches its own tables."""

from uuid import UUID

from pydantic import BaseModel

from infirmary.postgres.transaction import Query, Transaction
from services.ward.messages import BedReleased, BedReserved
from services.ward.model import Reservation, Ward


class Census(BaseModel):
    """A ward, and who holds its beds by the newest admissions."""

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


def census(db: Query, ward_id: str, newest: int) -> Census | None:
    """Returns a ward and who holds its beds, as of one moment.

    Args:
        db: The database.
        ward_id: Which ward.
        newest: How many reservations; that of the oldest admission among them comes first.
    """
    return db.one(
        Census,
        """SELECT ward_id, name, beds, (SELECT count(*) FROM reservations r WHERE r.ward_id = w.ward_id) AS reserved,
                  ARRAY(SELECT to_jsonb(r) || jsonb_build_object('at', r.reserved_at)
                        FROM (SELECT * FROM reservations r WHERE r.ward_id = w.ward_id
                              ORDER BY admission_id DESC LIMIT %(newest)s) r ORDER BY admission_id) AS reservations
           FROM wards w WHERE ward_id = %(ward_id)s""",
        ward_id=ward_id,
        newest=newest,
    )


def is_open(db: Query, ward_id: str) -> bool:
    """Says whether there is such a ward."""
    return db.value("SELECT true FROM wards WHERE ward_id = %(ward_id)s", ward_id=ward_id) is not None


def reservations_of(db: Query, ward_id: str, after: UUID, rows: int) -> list[Reservation]:
    """Returns who holds the next beds of a ward, in the order of the admissions."""
    return db.many(
        Reservation,
        """SELECT admission_id, patient_id, ward_id, reserved_at AS at FROM reservations
           WHERE ward_id = %(ward_id)s AND admission_id > %(after)s ORDER BY admission_id LIMIT %(rows)s""",
        ward_id=ward_id,
        after=after,
        rows=rows,
    )
