"""What may happen to a patient, in whatever order it is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infirmary.handlers import Refused
from infirmary.messages import Event
from services.patient import model
from services.patient.messages import (
    PatientAdmissionUndone,
    PatientAdmitted,
    PatientDischarged,
    PatientErased,
    PatientNameChanged,
    PatientRegistered,
)
from services.patient.model import Patient

PATIENT = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
FIRST, SECOND = (UUID(int=number) for number in (1, 2))
BORN = date(1815, 12, 10)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ADA = Patient(PATIENT, "Ada Lovelace", BORN, version=1, admission_id=None, last_contact_at=NOW)

admissions = st.sampled_from([FIRST, SECOND, UUID(int=3)])
names = st.sampled_from(["Ada Lovelace", "Ada King", "Augusta Ada King"])
acts = st.one_of(
    st.tuples(st.just("rename"), names),
    st.tuples(st.just("admit"), admissions),
    st.tuples(st.just("undo"), admissions),
    st.tuples(st.just("discharge"), st.none()),
)
histories = st.lists(acts, max_size=30)


def done(patient: Patient, act: tuple[str, object]) -> tuple[Patient, Event | None]:
    """Returns the patient after an act, and what was told of it."""
    match act:
        case ("rename", str(name)):
            return model.rename(patient, name)
        case ("admit", UUID() as admission_id):
            admitted = model.admit(patient, PATIENT, admission_id, "W1")
            return (patient, None) if isinstance(admitted, Refused) else admitted
        case ("undo", UUID() as admission_id):
            return model.undo_admission(patient, admission_id) or (patient, None)
        case _:
            return model.discharge(patient, NOW) or (patient, None)


def lived(history: Sequence[tuple[str, object]]) -> tuple[Patient, list[Event]]:
    """Returns a patient after a history, and all that was told, the registration first."""
    patient, registered = model.register(PATIENT, "Ada Lovelace", BORN, NOW)
    told: list[Event] = [registered]
    for act in history:
        before = patient
        patient, event = done(before, act)
        assert (event is None) == (patient == before)
        if event is not None:
            assert event.subject() == str(PATIENT)
            told.append(event)
    return patient, told


@given(histories)
def test_versions_of_the_name_are_told_without_a_gap_and_the_last_is_in_force(
    history: list[tuple[str, object]],
) -> None:
    patient, told = lived(history)
    named = [event for event in told if isinstance(event, (PatientRegistered, PatientNameChanged))]
    assert [event.version for event in named] == list(range(1, patient.version + 1))
    assert named[-1].full_name == patient.full_name


@given(histories, st.randoms())
def test_whoever_keeps_the_newest_version_has_the_right_name_whatever_the_order(
    history: list[tuple[str, object]], random: Random
) -> None:
    patient, told = lived(history)
    random.shuffle(told)
    known, name = 0, ""
    for event in told:
        if isinstance(event, (PatientRegistered, PatientNameChanged)) and event.version > known:
            known, name = event.version, event.full_name
    assert (known, name) == (patient.version, patient.full_name)


@given(histories)
def test_each_admission_that_is_told_ends_before_the_next_and_by_its_own_id(history: list[tuple[str, object]]) -> None:
    patient, told = lived(history)
    in_force: UUID | None = None
    for event in told:
        if isinstance(event, PatientAdmitted):
            assert in_force is None
            in_force = event.admission_id
        elif isinstance(event, (PatientAdmissionUndone, PatientDischarged)):
            assert in_force == event.admission_id
            in_force = None
    assert patient.admission_id == in_force


@given(histories)
def test_nothing_but_a_new_name_makes_a_new_version_and_who_was_born_when_never_changes(
    history: list[tuple[str, object]],
) -> None:
    patient, told = lived(history)
    assert patient.version == 1 + sum(isinstance(event, PatientNameChanged) for event in told)
    assert (patient.patient_id, patient.date_of_birth) == (PATIENT, BORN)


def test_a_registration_tells_all_that_there_is() -> None:
    patient, event = model.register(PATIENT, "Ada Lovelace", BORN, NOW)
    assert patient == ADA
    assert event.model_dump() == {
        "patient_id": PATIENT,
        "full_name": "Ada Lovelace",
        "date_of_birth": BORN,
        "version": 1,
        "at": NOW,
    }


def test_nobody_is_admitted_who_is_not_known_or_is_there_already() -> None:
    assert model.admit(None, PATIENT, FIRST, "W1") == Refused("the patient is not known")
    there = replace(ADA, admission_id=FIRST)
    assert model.admit(there, PATIENT, SECOND, "W1") == Refused("the patient is already admitted")


def test_only_the_admission_in_force_can_be_undone() -> None:
    there = replace(ADA, admission_id=FIRST)
    assert model.undo_admission(None, FIRST) is None
    assert model.undo_admission(ADA, FIRST) is None
    assert model.undo_admission(there, SECOND) is None
    assert model.undo_admission(there, FIRST) == (
        replace(ADA, last_admission_id=FIRST),
        PatientAdmissionUndone(patient_id=PATIENT, admission_id=FIRST),
    )


def test_a_discharge_names_the_admission_that_it_ends_and_is_the_last_contact() -> None:
    later = NOW + timedelta(days=3)
    assert model.discharge(ADA, later) is None
    assert model.discharge(replace(ADA, admission_id=FIRST), later) == (
        replace(ADA, last_contact_at=later, last_admission_id=FIRST),
        PatientDischarged(patient_id=PATIENT, admission_id=FIRST, at=later),
    )


def test_nobody_is_erased_who_is_admitted() -> None:
    refused = model.erase(replace(ADA, admission_id=FIRST), SECOND, 1, 0, NOW + timedelta(days=36_500))
    assert refused == Refused("the patient is admitted; discharge the patient first")


@given(st.integers(0, 36_500), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40_000)))
def test_a_record_is_erased_from_the_moment_on_at_which_the_law_lets_it_go(days: int, since: timedelta) -> None:
    decided = model.erase(ADA, SECOND, 1, days, NOW + since)
    if since < timedelta(days=days):
        assert isinstance(decided, Refused)
        assert f"for {days} days" in decided.reason
    else:
        assert decided == PatientErased(patient_id=PATIENT, saga_id=SECOND, saga_version=1)


def test_a_refusal_by_law_says_from_when_on_to_ask_again() -> None:
    refused = model.erase(ADA, SECOND, 1, 30, NOW)
    assert isinstance(refused, Refused)
    assert "until 2026-12-27 12:00 UTC" in refused.reason
