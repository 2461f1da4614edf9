"""The entities of the hospital as a client holds them: an id, and the requests one may make about it.

Every property asks the owner anew. The methods answer yes or no, so that they can be waited for.
"""

from dataclasses import dataclass, field
from uuid import UUID

from audit.client import Client, Refusal
from audit.responses import (
    AccountResponse,
    AdmissionResponse,
    AdmissionStatus,
    ChartResponse,
    LabResultResponse,
    MedicationResponse,
    NotificationResponse,
    PatientResponse,
    PrescriptionResponse,
    PrescriptionStatus,
    WardResponse,
)


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody who is registered."""

    patient_id: UUID
    ask: Client = field(repr=False, compare=False)

    @property
    def now(self) -> PatientResponse:
        """The patient as of now."""
        return self.ask.patient(self.patient_id)

    @property
    def is_admitted(self) -> bool:
        """Whether the patient lies in the hospital."""
        return self.now.admitted

    @property
    def account(self) -> AccountResponse:
        """The patient's account."""
        return self.ask.account(self.patient_id)

    @property
    def notifications(self) -> list[NotificationResponse]:
        """What the patient was told."""
        return self.ask.notifications(self.patient_id)

    @property
    def chart(self) -> ChartResponse | None:
        """The patient's chart; None until it is known there."""
        try:
            return self.ask.chart(self.patient_id)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def has_chart(self) -> bool:
        """Says whether the patient has arrived in the read model."""
        return self.chart is not None


@dataclass(frozen=True, slots=True)
class Medication:
    """A medication in the store room."""

    code: str
    ask: Client = field(repr=False, compare=False)

    @property
    def now(self) -> MedicationResponse:
        """The stock as of now."""
        return self.ask.medication(self.code)


@dataclass(frozen=True, slots=True)
class Prescription:
    """A prescription that was written."""

    prescription_id: UUID
    ask: Client = field(repr=False, compare=False)

    @property
    def now(self) -> PrescriptionResponse:
        """The prescription as of now."""
        return self.ask.prescription(self.prescription_id)

    @property
    def status(self) -> PrescriptionStatus:
        """How far it is."""
        return self.now.status

    def is_accepted(self) -> bool:
        """Says whether its stock is reserved."""
        return self.status == "accepted"

    def is_rejected(self) -> bool:
        """Says whether there was no stock for it."""
        return self.status == "rejected"

    def is_dispensed(self) -> bool:
        """Says whether the patient has it."""
        return self.status == "dispensed"

    def is_decided(self) -> bool:
        """Says whether nothing is going on about it."""
        return self.status not in ("pending", "dispensing")


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward."""

    ward_id: str
    ask: Client = field(repr=False, compare=False)

    @property
    def now(self) -> WardResponse:
        """The ward as of now."""
        return self.ask.ward(self.ward_id)

    @property
    def free_beds(self) -> int:
        """How many beds nobody holds."""
        return self.now.free


@dataclass(frozen=True, slots=True)
class Admission:
    """An admission that was asked for."""

    admission_id: UUID
    ask: Client = field(repr=False, compare=False)

    @property
    def now(self) -> AdmissionResponse:
        """The admission as of now, with all of its steps."""
        return self.ask.admission(self.admission_id)

    @property
    def status(self) -> AdmissionStatus:
        """How far it is."""
        return self.now.status

    def has_completed(self) -> bool:
        """Says whether the patient is in bed, billed and told."""
        return self.status == "completed"

    def has_failed(self) -> bool:
        """Says whether it was refused and everything is undone."""
        return self.status == "failed"

    def has_ended(self) -> bool:
        """Says whether it goes no further by itself."""
        return self.status in ("completed", "failed", "parked")


@dataclass(frozen=True, slots=True)
class LabResult:
    """A lab result that was recorded."""

    lab_result_id: UUID
    ask: Client = field(repr=False, compare=False)

    @property
    def now(self) -> LabResultResponse:
        """The result, with the patient's name as of now."""
        return self.ask.lab_result(self.lab_result_id)
