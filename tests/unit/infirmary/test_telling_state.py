"""What is told again of an aggregate: everything in its order, under the last sequence that was given out."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.declaring.declaration import Misdeclared
from infirmary.identifiers import new_id
from infirmary.republishing.declaration import Republishing
from infirmary.republishing.telling import Progress, ToldOfAnother, pause_s, told_of
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import partition_of
from infirmary.transport.log_names import home
from infirmary.transport.state_messages import LAST_WORD, last_words, state_message, with_sequence
from infirmary.transport.write_options import WriteOptions
from infirmary_streams.received import received
from infirmary_streams.sections import with_body
from services.lab.messages import LabResultRecorded
from services.patient.messages import PatientRegistered

NO_CAUSE = causation_of(None, None, None)
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def result(lab_result_id: UUID) -> LabResultRecorded:
    return LabResultRecorded(
        lab_result_id=lab_result_id, patient_id=new_id(), test="K", value="4", unit="", critical=False, at=AT
    )


def registered(patient_id: UUID) -> PatientRegistered:
    return PatientRegistered(patient_id=patient_id, full_name="Ada", date_of_birth=date(1990, 1, 1), version=1)


@given(events=st.integers(0, 5), last=st.integers(1, 100))
def test_all_stand_for_the_last_sequence_and_the_last_of_them_says_so(events: int, last: int) -> None:
    key = new_id()
    told = told_of(key, [result(key) for _ in range(events)], {str(key): last})
    assert [each.still_to_come for each in told] == list(range(events, 0, -1))
    assert {each.sequence for each in told} <= {last}


def test_what_has_never_told_anything_is_not_told() -> None:
    key = new_id()
    assert told_of(key, [registered(key)], {}) == []


def test_what_has_ended_and_is_forgotten_is_told_under_the_first_number_of_a_new_row() -> None:
    key = new_id()
    [told] = told_of(key, [result(key)], {})
    assert (told.sequence, told.ends_subject) == (1, True)


def test_no_aggregate_is_told_by_an_event_about_another() -> None:
    key, other = new_id(), new_id()
    with pytest.raises(ToldOfAnother, match=str(other)):
        told_of(key, [result(key), result(other)], {str(key): 1})


@given(batches=st.lists(st.integers(100, 100), max_size=5), rest=st.integers(0, 99))
def test_a_kind_is_done_with_the_first_batch_that_is_not_full(batches: list[int], rest: int) -> None:
    progress = Progress("results", AT)
    for size in [*batches, rest]:
        assert not progress.done
        progress = progress.and_then([*range(size)], size, 100)
    assert progress.done
    assert (progress.aggregates, progress.messages) == (sum(batches) + rest, sum(batches) + rest)


@given(aggregates=st.integers(1, 100), rate=st.floats(1, 10_000), took_s=st.floats(0, 10))
def test_no_more_are_told_in_a_second_than_the_rate_says(aggregates: int, rate: float, took_s: float) -> None:
    whole_s = took_s + pause_s(aggregates, rate, took_s)
    assert aggregates / whole_s <= rate * 1.001


def test_the_wire_has_how_many_are_to_come_and_the_sequence_that_they_stand_for() -> None:
    key = new_id()
    row = state_message(result(key), 3, source="lab", cause=NO_CAUSE, options=WriteOptions())
    headers = received(with_body(with_sequence(row.header, 7), row.body)).properties["application_headers"]
    assert (headers["state"], headers["sequence"], headers["subject"]) == (3, 7, str(key))


@pytest.mark.parametrize("parts", [1, 2, 8])
def test_the_last_word_is_said_in_each_part_once(parts: int) -> None:
    words = last_words("lab", AT, cause=NO_CAUSE, options=WriteOptions(parts))
    assert [each.target for each in words] == ["lab.events", *(f"lab.events.{part}" for part in range(1, parts))]
    assert [home(partition_of(each.subject), parts) for each in words] == list(range(parts))
    assert {each.type for each in words} == {LAST_WORD}


def test_a_kind_is_declared_once() -> None:
    republishing = Republishing("lab")
    republishing.of("results", None)(lambda _: [])
    with pytest.raises(Misdeclared, match="twice"):
        republishing.of("results", None)(lambda _: [])
