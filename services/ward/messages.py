"""The messages of ward: what it publishes, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Code, Moment, Name, WholeNumber
from infirmary.messages import Command, Event, publishes, reads, receives


@publishes(subject="ward_id")
class WardFurnished(Event):
    """What a ward is called and how many beds it has from now on; it may be new."""

    ward_id: Code
    name: Name
    beds: WholeNumber


@publishes(subject="ward_id")
class BedReserved(Event):
    """A bed of the ward is held by this admission from now on.

    `at` says since when; events from before it was told have none.
    """

    ward_id: Code
    admission_id: UUID
    patient_id: UUID
    at: Moment | None = None


@publishes(subject="ward_id")
class BedReleased(Event):
    """The bed that this admission held is free."""

    ward_id: Code
    admission_id: UUID
    patient_id: UUID


@receives("admission")
class ReserveBed(Command):
    """Asks for a bed of this ward, whichever is free."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code


@receives("admission")
class ReleaseReservation(Command):
    """Gives back the bed of this admission, and of no other."""

    admission_id: UUID


@reads("patient")
class PatientDischarged(Event):
    """A patient has gone home; the bed of this admission is free."""

    admission_id: UUID
