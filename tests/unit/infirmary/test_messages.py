"""What a service declares about its messages."""

import json
from uuid import UUID

import pytest
from pydantic import ValidationError

from infirmary.messages import (
    Command,
    Contract,
    Event,
    Reply,
    encode,
    publishes,
    reads,
    receives,
    sends,
)

PATIENT = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
SAGA = UUID("0190163d-8694-739b-aea5-966c26f8ad91")


@publishes(subject="patient_id")
class PatientCame(Event):
    """An event as its publisher declares it."""

    patient_id: UUID
    ward: str
    note: str | None = None


@sends("ward")
class MakeRoom(Command):
    """A command as its sender declares it."""

    beds: int


def test_an_event_is_about_the_aggregate_that_its_publisher_names() -> None:
    assert PatientCame(patient_id=PATIENT, ward="w").subject() == str(PATIENT)


def test_each_direction_says_who_is_at_the_other_end() -> None:
    @reads("patient")
    class Came(Event):
        """A reader's view."""

    @receives("admission")
    class Room(Command):
        """A receiver's view."""

    assert PatientCame.contract == Contract("publishes", subject_field="patient_id")
    assert MakeRoom.contract == Contract("sends", peer="ward")
    assert Came.contract == Contract("reads", peer="patient")
    assert Room.contract == Contract("receives", peer="admission")


def test_declaring_one_message_leaves_the_others_as_they_are() -> None:
    assert PatientCame.contract is not MakeRoom.contract
    assert Reply.contract == Contract("receives")


def test_an_encoded_message_holds_every_field_null_ones_too() -> None:
    body = encode(PatientCame(patient_id=PATIENT, ward="Größe 7"))
    assert json.loads(body) == {"patient_id": str(PATIENT), "ward": "Größe 7", "note": None}


@pytest.mark.parametrize(("step", "undoes"), [("bed", False), ("bed.compensation", True)])
def test_a_compensation_is_known_by_its_steps_name(step: str, undoes: bool) -> None:
    command = MakeRoom(saga_id=SAGA, step=step, attempt=1, reply_to="admission", beds=1)
    assert command.is_compensation() == undoes
    assert command.action_step() == "bed"


def test_a_reply_says_done_or_refused_and_nothing_else() -> None:
    with pytest.raises(ValidationError, match="outcome"):
        Reply.model_validate({"saga_id": str(SAGA), "step": "bed", "attempt": 1, "outcome": "maybe"})


def test_a_message_does_not_change() -> None:
    event = PatientCame(patient_id=PATIENT, ward="w")
    with pytest.raises(ValidationError, match="frozen"):
        event.ward = "other"  # type: ignore[misc]
