"""What may happen to the beds of a ward. Pure: values in, values out.

Beds are counted, not numbered: a ward may hold as many reservations as it has beds.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from infirmary.handlers import Refused
from services.ward.messages import BedReleased, BedReserved, WardFurnished


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward.

    Attributes:
        beds: How many there are.
        reserved: How many of them are held by an admission.
    """

    ward_id: str
    name: str
    beds: int
    reserved: int

    @property
    def free(self) -> int:
        """How many beds nobody holds."""
        return self.beds - self.reserved


@dataclass(frozen=True, slots=True)
class Reservation:
    """A bed that is held.

    Attributes:
        at: Since when.
    """

    admission_id: UUID
    patient_id: UUID
    ward_id: str
    at: datetime


def furnish(ward: Ward, name: str, beds: int) -> tuple[Ward, WardFurnished] | Refused:
    """Names the ward and changes its number of beds; nobody is put out of a bed for it."""
    if beds < ward.reserved:
        return Refused(f"the ward cannot have fewer beds ({beds}) than are reserved ({ward.reserved})")
    return replace(ward, name=name, beds=beds), WardFurnished(ward_id=ward.ward_id, name=name, beds=beds)


def reserve(
    ward: Ward | None, held: Reservation | None, admission_id: UUID, patient_id: UUID, now: datetime
) -> BedReserved | Refused | None:
    """Reserves a bed for an admission, or says why not; None when the admission holds one already."""
    if held is not None:
        return None
    if ward is None:
        return Refused("the ward is not known")
    if ward.free <= 0:
        return Refused("no free bed")
    return BedReserved(ward_id=ward.ward_id, admission_id=admission_id, patient_id=patient_id, at=now)


def release(held: Reservation | None) -> BedReleased | None:
    """Frees a bed; None when the admission holds none, or none any more."""
    if held is None:
        return None
    return BedReleased(ward_id=held.ward_id, admission_id=held.admission_id, patient_id=held.patient_id)
