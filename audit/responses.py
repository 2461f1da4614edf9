"""The services' responses over HTTP, as far as a client or a checker reads them; other fields are ignored."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

PrescriptionStatus = Literal["pending", "accepted", "rejected", "dispensing", "dispensed", "cancelled"]
AdmissionStatus = Literal["running", "completed", "compensating", "failed", "parked"]


class Response(BaseModel):
    """A response, or a part of one."""

    model_config = ConfigDict(frozen=True)


class PatientResponse(Response):
    """A patient, from their owner."""

    patient_id: UUID
    full_name: str
    version: int
    admitted: bool


class MedicationResponse(Response):
    """A medication and its stock, in boxes."""

    code: str
    name: str
    unit_price: Decimal
    on_hand: int
    reserved: int
    available: int


class PrescriptionResponse(Response):
    """A prescription; the patient's name is a snapshot."""

    prescription_id: UUID
    patient_id: UUID
    patient_name: str
    medication_code: str
    quantity: int
    status: PrescriptionStatus
    reason: str | None = None


class EntryResponse(Response):
    """An entry of an account; one that is not voided is live."""

    entry_id: UUID
    kind: Literal["prescription", "admission"]
    reference_id: UUID
    amount: Decimal | None
    status: Literal["open", "posted", "voided"]

    @property
    def is_live(self) -> bool:
        """Whether the entry still stands."""
        return self.status != "voided"


class AccountResponse(Response):
    """A patient's account."""

    patient_id: UUID
    held: bool
    balance: Decimal
    entries: tuple[EntryResponse, ...]
    entries_total: int = 0


class ReservationResponse(Response):
    """A bed that is taken."""

    admission_id: UUID
    patient_id: UUID


class WardResponse(Response):
    """A ward and who lies in it."""

    ward_id: str
    beds: int
    reserved: int
    free: int
    reservations: tuple[ReservationResponse, ...]
    reservations_total: int = 0


class LabResultResponse(Response):
    """A lab result; the patient's name is a snapshot."""

    lab_result_id: UUID
    patient_id: UUID
    patient_name: str
    critical: bool


class NotificationResponse(Response):
    """A message to a patient about an admission, a lab result or a prescription (`reference_id`)."""

    notification_id: UUID
    patient_id: UUID
    kind: Literal["admission_confirmed", "critical_lab_result", "prescription_rejected"]
    reference_id: UUID
    text: str


class StepResponse(Response):
    """A step of an admission: `waiting`, `running`, `done`, `refused`, `in doubt`, `compensating` or `compensated`."""

    name: str
    state: str
    at: datetime | None


class AdmissionResponse(Response):
    """An admission and how far its saga is."""

    admission_id: UUID
    patient_id: UUID
    ward_id: str
    status: AdmissionStatus
    reason: str | None
    steps: tuple[StepResponse, ...]


class ChartPatient(Response):
    """The patient as the chart knows them."""

    patient_id: UUID
    full_name: str
    version: int
    admitted: bool


class ChartAdmission(Response):
    """The admission in force as the chart knows it."""

    admission_id: UUID
    ward_id: str
    status: str
    bed_reserved: bool


class ChartPrescription(Response):
    """A prescription as the chart knows it."""

    prescription_id: UUID
    status: str


class ChartLabResult(Response):
    """A lab result as the chart knows it."""

    lab_result_id: UUID


class ChartNotification(Response):
    """A notification as the chart knows it."""

    notification_id: UUID


class ChartResponse(Response):
    """Everything about one patient, copied from the services that own it."""

    patient: ChartPatient
    admission: ChartAdmission | None
    prescriptions: tuple[ChartPrescription, ...]
    prescriptions_total: int = 0
    lab_results: tuple[ChartLabResult, ...]
    lab_results_total: int = 0
    balance: Decimal
    notifications: tuple[ChartNotification, ...]
    notifications_total: int = 0
