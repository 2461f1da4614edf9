"""What a service may write: messages of its own, that readers take, and none that is too large."""

from uuid import UUID

import pytest

from infirmary.declaring.declaration import Misdeclared
from infirmary.messages import Event, publishes
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import MessageTooLarge, outgoing
from services.admission.messages import AdmissionFailed
from services.billing.messages import PrescriptionCancelled

PATIENT = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
SAGA = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
CAUSE = causation_of("admission-7", "the-request", None)


@publishes(subject="patient_id")
class PatientCame(Event):
    """An event for these tests."""

    patient_id: UUID
    ward: str


@publishes(subject="name")
class RoomNamed(Event):
    """An event about something that a text names."""

    name: str


def test_a_message_may_be_as_large_as_the_setting_and_no_larger() -> None:
    event = PatientCame(patient_id=PATIENT, ward="w" * 100)
    size = len(outgoing(event, source="patient", cause=CAUSE).body)
    assert outgoing(event, source="patient", cause=CAUSE, max_bytes=size).body
    with pytest.raises(MessageTooLarge, match=f"^PatientCame has {size} bytes, and .* allows {size - 1}"):
        outgoing(event, source="patient", cause=CAUSE, max_bytes=size - 1)


@pytest.mark.parametrize("subject", ["", "n" * 256, "a\x00b"])
def test_a_subject_that_no_reader_takes_is_not_written(subject: str) -> None:
    with pytest.raises(ValueError, match="RoomNamed: its subject should be 1 to 255 characters without NUL"):
        outgoing(RoomNamed(name=subject), source="patient", cause=CAUSE)


def test_a_service_writes_no_message_of_another_one() -> None:
    event = AdmissionFailed(admission_id=SAGA, patient_id=PATIENT, ward_id="w", reason="full")
    assert outgoing(event, source="admission", cause=CAUSE).type == "AdmissionFailed"
    with pytest.raises(Misdeclared, match="AdmissionFailed is admission's, and billing cannot write it"):
        outgoing(event, source="billing", cause=CAUSE)


def test_a_message_that_was_read_is_not_written() -> None:
    event = PrescriptionCancelled(prescription_id=SAGA, patient_id=PATIENT)
    with pytest.raises(Misdeclared, match="PrescriptionCancelled is declared by @reads"):
        outgoing(event, source="billing", cause=CAUSE)


def test_a_message_without_a_decorator_is_not_written() -> None:
    class Undeclared(Event):
        patient_id: UUID

    with pytest.raises(Misdeclared, match="Undeclared is not declared; put @publishes"):
        outgoing(Undeclared(patient_id=PATIENT), source="patient", cause=CAUSE)


def test_the_name_of_the_schema_begins_as_the_setting_says() -> None:
    event = PatientCame(patient_id=PATIENT, ward="w")
    assert b"urn:infirmary:patient:PatientCame" in outgoing(event, source="patient", cause=CAUSE).header
    of_a_shop = outgoing(event, source="patient", cause=CAUSE, schema_urn="urn:shop")
    assert b"urn:shop:patient:PatientCame" in of_a_shop.header
