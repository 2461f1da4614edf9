"""What may become of a prescription, in whatever order it is asked for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.messages import Event, encode
from services.prescription import model
from services.prescription.messages import (
    PrescriptionAccepted,
    PrescriptionCancelled,
    PrescriptionDispensed,
    PrescriptionDispensing,
    PrescriptionRejected,
)
from services.prescription.model import Prescription, Status
from services.prescription.saga import Dispensing
from tests.unit.services.wording import codes, quantities

ID, PATIENT, DISPENSING = (UUID(f"0190163d-8694-739b-aea5-{n:012x}") for n in range(3))
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
WRITTEN, _ = model.prescribe(ID, PATIENT, "m", 2, AT)

Act = Callable[[Prescription], tuple[Prescription, Event] | None]


def began(prescription: Prescription) -> tuple[Prescription, Event] | None:
    return model.dispense(prescription, DISPENSING, saga_version=1)


def ended_well(prescription: Prescription) -> tuple[Prescription, Event] | None:
    return model.dispensed(prescription, DISPENSING) if prescription.status == "dispensing" else None


def ended_badly(prescription: Prescription) -> tuple[Prescription, Event] | None:
    if prescription.status != "dispensing":
        return None
    return model.not_dispensed(prescription, "credit hold", DISPENSING)


ACTS: dict[str, Act] = {
    "accept": model.accept,
    "reject": lambda prescription: model.reject(prescription, "out of stock"),
    "cancel": model.cancel,
    "dispense": began,
    "end well": ended_well,
    "end badly": ended_badly,
}

MAY_FOLLOW: dict[Status, set[Status]] = {
    "pending": {"accepted", "rejected", "cancelled"},
    "accepted": {"dispensing", "cancelled"},
    "dispensing": {"dispensed", "accepted"},
    "rejected": set(),
    "dispensed": set(),
    "cancelled": set(),
}

TOLD_AS: dict[type[Event], Status] = {
    PrescriptionAccepted: "accepted",
    PrescriptionRejected: "rejected",
    PrescriptionCancelled: "cancelled",
    PrescriptionDispensing: "dispensing",
    PrescriptionDispensed: "dispensed",
}

histories = st.lists(st.sampled_from(sorted(ACTS)), max_size=12)


def steps(history: list[str]) -> list[tuple[Prescription, Prescription, Event]]:
    """Returns each change that a history makes: before, after, and what was told of it."""
    prescription, changes = WRITTEN, []
    for act in history:
        decided = ACTS[act](prescription)
        if decided is not None:
            changes.append((prescription, *decided))
            prescription = decided[0]
    return changes


@given(histories)
def test_a_prescription_goes_no_way_but_the_ones_that_there_are(history: list[str]) -> None:
    for before, after, _ in steps(history):
        assert after.status in MAY_FOLLOW[before.status]


@given(histories)
def test_what_was_prescribed_to_whom_never_changes(history: list[str]) -> None:
    for _, after, _ in steps(history):
        assert replace(after, status="pending", reason=None) == WRITTEN


@given(histories)
def test_who_hears_the_last_event_knows_the_status(history: list[str]) -> None:
    for _, after, event in steps(history):
        assert event.subject() == str(ID)
        assert after.status == TOLD_AS[type(event)]
        if isinstance(event, (PrescriptionAccepted, PrescriptionRejected)):
            assert after.reason == event.reason


@given(histories)
def test_both_ends_of_a_dispensing_name_the_saga_and_nothing_else_does(history: list[str]) -> None:
    for before, after, event in steps(history):
        of_saga = "dispensing" in (before.status, after.status)
        assert getattr(event, "saga_id", None) == (DISPENSING if of_saga else None)


@given(histories)
def test_a_prescription_ends_once(history: list[str]) -> None:
    ends = [event for _, after, event in steps(history) if not MAY_FOLLOW[after.status]]
    assert len(ends) <= 1


@given(histories)
def test_it_is_accepted_without_a_reason_only_before_the_first_dispensing(history: list[str]) -> None:
    tried = False
    for _, after, event in steps(history):
        tried = tried or after.status == "dispensing"
        if isinstance(event, PrescriptionAccepted):
            assert (event.reason is None) == (not tried)


@given(codes, quantities)
def test_what_is_told_at_first_is_what_was_written(code: str, quantity: int) -> None:
    prescription, event = model.prescribe(ID, PATIENT, code, quantity, AT)
    assert (prescription.status, prescription.reason, prescription.created_at) == ("pending", None, AT)
    assert event.model_dump() == {
        "prescription_id": ID,
        "patient_id": PATIENT,
        "medication_code": code,
        "quantity": quantity,
        "created_at": AT,
    }


@given(codes, quantities)
def test_a_saga_can_be_begun_from_what_was_told_of_its_beginning(code: str, quantity: int) -> None:
    accepted = replace(WRITTEN, medication_code=code, quantity=quantity, status="accepted")
    begun = model.dispense(accepted, DISPENSING, saga_version=1)
    assert begun is not None
    data = Dispensing.of(begun[1])
    assert data.model_dump() == {
        "dispensing_id": DISPENSING,
        "prescription_id": ID,
        "patient_id": PATIENT,
        "medication_code": code,
        "quantity": quantity,
    }
    assert Dispensing.model_validate(data.model_dump(mode="json")) == data
    assert Dispensing.model_validate_json(encode(begun[1])) == data


def test_a_saga_of_a_release_before_knows_no_id() -> None:
    data = {"prescription_id": str(ID), "patient_id": str(PATIENT), "medication_code": "m", "quantity": 2}
    assert Dispensing.model_validate(data).dispensing_id is None


@pytest.mark.parametrize("status", get_args(Status))
def test_a_state_that_does_not_allow_a_call_leaves_everything_as_it_is(status: Status) -> None:
    prescription = replace(WRITTEN, status=status)
    assert (model.cancel(prescription) is not None) == (status in ("pending", "accepted"))
    assert (model.dispense(prescription, DISPENSING, saga_version=1) is not None) == (status == "accepted")
    assert (model.accept(prescription) is not None) == (status == "pending")
    assert (model.reject(prescription, "out of stock") is not None) == (status == "pending")


def test_a_new_try_forgets_why_the_last_one_failed() -> None:
    failed, _ = model.not_dispensed(replace(WRITTEN, status="dispensing"), "credit hold", DISPENSING)
    assert (failed.status, failed.reason) == ("accepted", "credit hold")
    again = model.dispense(failed, DISPENSING, saga_version=1)
    assert again is not None
    assert again[0].reason is None


def test_a_cancellation_keeps_why_the_last_dispensing_failed() -> None:
    failed, _ = model.not_dispensed(replace(WRITTEN, status="dispensing"), "credit hold", DISPENSING)
    cancelled = model.cancel(failed)
    assert cancelled is not None
    assert (cancelled[0].status, cancelled[0].reason) == ("cancelled", "credit hold")
