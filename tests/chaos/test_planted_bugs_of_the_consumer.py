"""Each rule of the checker is proven by a bug, here of the consumer: every scene is played without it and with it.

All servers are real.
"""

from pathlib import Path
from uuid import uuid4

import pytest

from audit.checks.read_models import snapshots_are_equal
from audit.facts import Facts
from audit.ledger import Ledger
from audit.responses import PatientResponse, PrescriptionResponse
from tests.chaos.checker.finding import Column
from tests.chaos.small_scene import COMMANDS, PUBLISHER, SmallScene, a_bed
from tests.chaos.twice import soon, with_and_without
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase


@with_and_without("ignore_the_sequence", Column.DOUBLED)
def test_a_command_applied_again_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    message_id, command = uuid4(), a_bed()
    with scene.post() as post:
        scene.asked(post, command, 1, message_id)
        scene.asked(post, command, 1, message_id)
    eventually(lambda: scene.has_read(COMMANDS), because="the consumer has seen both")
    scene.start_relay()
    eventually(lambda: scene.waiting() == 0, because="the reply leaves", within_s=30)
    assert scene.columns() == expected


@with_and_without("take_commands_as_they_come", Column.REORDERED)
def test_a_command_applied_too_early_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    command = a_bed()
    with scene.post() as post:
        for sequence in (1, 3, 2):
            scene.asked(post, {**command, "attempt": sequence}, sequence)
    eventually(lambda: scene.has_read(COMMANDS), because="the consumer has seen everything")
    soon(lambda: not scene.rows("SELECT 1 FROM parked_message"))
    scene.start_relay()
    eventually(lambda: scene.waiting() == 0, because="the replies leave", within_s=30)
    assert scene.columns() == expected


@pytest.mark.parametrize(("bug", "answered"), [(None, 1), ("wait_for_an_unreadable_command", 0)])
def test_a_saga_that_waits_for_a_command_that_cannot_be_read_is_noticed(
    scene: SmallScene, bug: str | None, answered: int
) -> None:
    scene.start_consumer(bug)
    command = a_bed()
    saga_id = str(command["saga_id"])
    with scene.post() as post:
        post.command(COMMANDS, "ReserveBed", saga_id, 1, b"\x00 this is not JSON")
        scene.asked(post, {**command, "attempt": 2}, 2)
    eventually(lambda: scene.has_read(COMMANDS), because="the consumer has seen both")
    soon(lambda: scene.rows("SELECT 1 FROM saga_outcome"))
    assert len(scene.rows("SELECT 1 FROM saga_outcome")) == answered
    held = [str(each.violation) for each in scene.findings() if each.column is Column.STUCK]
    assert any("parked: MalformedMessage" in each for each in held)
    assert any("waits for the one before it" in each for each in held) == (not answered)


@with_and_without("ignore_the_sequence", Column.DOUBLED)
def test_an_event_applied_again_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    message_id = uuid4()
    with scene.post() as post:
        scene.told(post, "patient-1", 1)
        for _ in range(2):
            post.event(PUBLISHER, "patient-1", 2, message_id=message_id)
    scene.sent[PUBLISHER]["patient-1"] = 2
    eventually(scene.has_read, because="the consumer has seen everything")
    assert scene.columns() == expected


@with_and_without("ignore_the_sequence", Column.REORDERED)
def test_an_event_applied_too_early_is_noticed(scene: SmallScene, bug: str | None, expected: set[Column]) -> None:
    scene.start_consumer(bug)
    with scene.post() as post:
        scene.told(post, "patient-1", 1, 3, 2)
    eventually(scene.has_read, because="the consumer has seen everything")
    soon(lambda: not scene.rows("SELECT 1 FROM parked_message"))
    assert scene.columns() == expected


@with_and_without("move_the_offset_alone", Column.LOST)
def test_an_event_passed_over_after_a_crash_is_missed(
    scene: SmallScene, tmp_path: Path, bug: str | None, expected: set[Column]
) -> None:
    frozen = tmp_path / "frozen"
    with scene.post() as post:
        scene.told(post, "patient-1", 1, 2)
    process = scene.start_consumer(bug, CONSUMER_CRASH_POINT="before_commit", CONSUMER_CRASH_FILE=str(frozen))
    scene.frozen(process, frozen)
    scene.start_consumer(bug)
    eventually(scene.has_read, because="the next consumer has seen everything")
    assert scene.columns() == expected


@pytest.mark.parametrize(("bug", "violations"), [(None, 0), ("ignore_the_version", 1)])
def test_a_snapshot_overwritten_by_an_older_one_is_noticed(
    scene: SmallScene, new_database: NewDatabase, bug: str | None, violations: int
) -> None:
    """The event that is numbered last holds an older version than the one before it."""
    scene.move_to("prescription", new_database("prescription").database_url)
    scene.start_consumer(bug)
    patient_id = uuid4()
    with scene.post() as post:
        for sequence, (kind, version, full_name) in enumerate(
            [
                ("PatientRegistered", 1, "First"),
                ("PatientNameChanged", 3, "Third"),
                ("PatientNameChanged", 2, "Second"),
            ],
            start=1,
        ):
            body = {"patient_id": patient_id, "full_name": full_name, "version": version}
            post.event(PUBLISHER, str(patient_id), sequence, kind=kind, body=body)
    eventually(scene.has_read, because="the consumer has seen everything")
    ((snapshot,),) = scene.rows("SELECT full_name FROM patient_snapshot")
    owner = PatientResponse(patient_id=patient_id, full_name="Third", version=3, admitted=False)
    copy = PrescriptionResponse(
        prescription_id=uuid4(), patient_id=patient_id, patient_name=snapshot, medication_code="", quantity=1,
        status="accepted",
    )  # fmt: skip
    facts = Facts(patients={patient_id: owner}, prescriptions={copy.prescription_id: copy})
    assert len(list(snapshots_are_equal(facts, Ledger()))) == violations
