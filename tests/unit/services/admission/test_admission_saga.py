"""The declaration of the admission saga: who is asked, in which order, and whether each has what it is asked with."""

from uuid import UUID

from infirmary.messages import Command
from services.admission.saga import ADMISSION, Admission

ADMITTED = Admission(admission_id=UUID(int=1), patient_id=UUID(int=2), ward_id="W1")


def asked(kind: type[Command]) -> str:
    return f"{kind.__name__} of {kind.contract.peer}"


def test_ward_patient_and_billing_are_asked_before_the_patient_is_told() -> None:
    assert [asked(step.command) for step in ADMISSION.steps] == [
        "ReserveBed of ward",
        "AdmitPatient of patient",
        "CreateAdmissionBilling of billing",
        "SendAdmissionConfirmation of notification",
    ]


def test_everything_but_the_notification_can_be_undone_by_whoever_did_it() -> None:
    undone = [asked(step.compensation) for step in ADMISSION.steps if step.compensation is not None]
    assert undone == ["ReleaseReservation of ward", "UndoAdmission of patient", "VoidAdmissionBilling of billing"]


def test_the_bill_is_the_point_of_no_return_and_the_notification_is_tried_until_it_succeeds() -> None:
    assert [step.name for step in ADMISSION.steps if step.pivot] == ["billing"]
    assert [step.name for step in ADMISSION.steps if step.retriable] == ["confirmation"]


def test_every_command_can_be_filled_in_from_what_the_saga_knows() -> None:
    envelope = {"saga_id": ADMITTED.admission_id, "step": "s", "attempt": 1, "reply_to": "admission"}
    for step in ADMISSION.steps:
        for kind in filter(None, (step.command, step.compensation)):
            command = kind.model_validate({**ADMITTED.model_dump(mode="json"), **envelope})
            assert command.model_dump(include={"admission_id"}) == {"admission_id": ADMITTED.admission_id}
