"""What the laboratory finds. Pure: values in, values out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.lab.messages import LabResultRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class LabResult:
    """What a test has shown about a patient. It never changes: a correction is another result.

    Attributes:
        patient_name: What the patient is called now, whatever it was when the result was recorded.
        value: Text, as the laboratory writes it: `7.41`, `< 0.5`, `positive`.
        unit: Of the value; empty where it has none.
        critical: Whether somebody must be told at once.
        at: When it was recorded.
    """

    lab_result_id: UUID
    patient_id: UUID
    patient_name: str
    test: str
    value: str
    unit: str
    critical: bool
    at: datetime


def recorded(result: LabResult) -> LabResultRecorded:
    """Tells that a result has been recorded. The name stays behind: whoever needs it has it from its owner."""
    return LabResultRecorded(
        lab_result_id=result.lab_result_id,
        patient_id=result.patient_id,
        test=result.test,
        value=result.value,
        unit=result.unit,
        critical=result.critical,
        at=result.at,
    )
