"""What a chart says. Pure: it has no rules of its own, because every fact on it was decided by its owner."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from infirmary.http.fields import Money

AdmissionStatus = Literal["running", "completed", "failed"]
PrescriptionStatus = Literal["pending", "accepted", "rejected", "dispensed", "cancelled"]
Stock = Literal["reserved", "rejected", "released", "dispensed"]


class ChartPatient(BaseModel):
    """Whose chart it is."""

    patient_id: UUID
    full_name: str
    date_of_birth: date
    version: int = Field(description="of the name; grows with each change")
    admitted: bool


class ChartAdmission(BaseModel):
    """The admission in force."""

    admission_id: UUID
    ward_id: str
    status: AdmissionStatus = Field(description="running until everybody has done their part")
    bed_reserved: bool = Field(description="whether the ward keeps a bed for it")
    at: datetime = Field(description="when the chart heard of it")


class ChartPrescription(BaseModel):
    """A prescription. Medication and quantity are null while only later events of it have been heard of."""

    prescription_id: UUID
    medication_code: str | None
    quantity: int | None
    status: PrescriptionStatus
    reason: str | None = Field(description="why it was rejected, or why it could not be dispensed")
    stock: Stock | None = Field(description="where the boxes are")


class ChartLabResult(BaseModel):
    """What the laboratory found."""

    lab_result_id: UUID
    test: str
    value: str
    unit: str
    critical: bool


class ChartNotification(BaseModel):
    """What somebody was told."""

    notification_id: UUID
    kind: str
    text: str
    reference_id: UUID


class Chart(BaseModel):
    """All that the hospital knows about a patient.

    Each list holds the newest 100, the oldest of them first, and `..._total` says how many there are. All are listed
    under the chart: /charts/ID/prescriptions, /charts/ID/lab-results and /charts/ID/notifications.
    """

    patient: ChartPatient
    admission: ChartAdmission | None = Field(description="null when the patient is not admitted")
    prescriptions: list[ChartPrescription]
    prescriptions_total: int
    lab_results: list[ChartLabResult]
    lab_results_total: int
    balance: Money
    notifications: list[ChartNotification]
    notifications_total: int
    as_of: datetime = Field(description="when the last event that changed the chart was applied")
