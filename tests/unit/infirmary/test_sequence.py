"""Order and exactly-once per subject: whatever order events come in, they are applied as they were numbered."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.sequence import CLOCKS_DIFFER_S, Last, Sequences, Verdict
from infirmary.identifiers import least_id_of

ALICE = "alice"

subjects = st.sampled_from(["alice", "bob", "carol"])
histories = st.dictionaries(subjects, st.integers(1, 4), min_size=1)
Event = tuple[str, int]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[dict[str, int], list[Event]]:
    """Returns how many events each subject has, and all of them in any order, some more than once."""
    lengths = draw(histories)
    events = [(subject, number) for subject, length in lengths.items() for number in range(1, length + 1)]
    again = draw(st.lists(st.sampled_from(events), max_size=6))
    return lengths, draw(st.permutations([*events, *again]))


def id_of(event: Event) -> UUID:
    """Returns the one id that an event has."""
    return UUID(int=(sum(event[0].encode()) << 64) + event[1])


def apply_all(sequences: Sequences, events: list[Event]) -> tuple[dict[str, list[int]], list[Event]]:
    """Applies events as they come, waiting ones again after each; returns what was applied and what still waits."""
    applied: dict[str, list[int]] = {}
    waiting: list[Event] = []
    for event in events:
        waiting.append(event)
        progress = True
        while progress:
            progress = False
            for each in list(waiting):
                verdict = sequences.judge(*each, id_of(each))
                if verdict is Verdict.WAIT:
                    continue
                waiting.remove(each)
                if verdict is Verdict.APPLY:
                    sequences.applied(*each, id_of(each))
                    applied.setdefault(each[0], []).append(each[1])
                    progress = True
    return applied, waiting


@given(arrivals())
def test_in_whatever_order_they_come_events_are_applied_in_order_and_once(
    arrived: tuple[dict[str, int], list[Event]],
) -> None:
    lengths, events = arrived
    applied, waiting = apply_all(Sequences({}, lambda _: False), events)
    assert applied == {subject: list(range(1, length + 1)) for subject, length in lengths.items()}
    assert waiting == []


@given(arrivals(), st.data())
def test_without_one_event_its_subject_stops_before_it_and_no_other_does(
    arrived: tuple[dict[str, int], list[Event]], data: st.DataObject
) -> None:
    lengths, events = arrived
    lost = data.draw(st.sampled_from(events))
    applied, waiting = apply_all(Sequences({}, lambda _: False), [event for event in events if event != lost])
    expected = {subject: list(range(1, length + 1)) for subject, length in lengths.items()}
    expected[lost[0]] = list(range(1, lost[1]))
    assert applied == {subject: numbers for subject, numbers in expected.items() if numbers}
    assert {subject for subject, _ in waiting} <= {lost[0]}


@given(arrivals())
def test_a_log_read_again_from_its_beginning_changes_nothing(arrived: tuple[dict[str, int], list[Event]]) -> None:
    _, events = arrived
    sequences = Sequences({}, lambda _: False)
    apply_all(sequences, events)
    assert {sequences.judge(*event, id_of(event)) for event in events} == {Verdict.DUPLICATE}


@given(first=st.integers(2, 100), length=st.integers(1, 5))
def test_where_the_logs_beginning_has_expired_a_subject_may_start_later(first: int, length: int) -> None:
    events = [(ALICE, number) for number in range(first, first + length)]
    assert apply_all(Sequences({}, lambda _: False), events) == ({}, events)
    expired = Sequences({}, lambda _: True)
    assert expired.starts_late(ALICE)
    assert apply_all(expired, events) == ({ALICE: [number for _, number in events]}, [])
    assert not expired.starts_late(ALICE)


def test_a_subject_that_is_known_has_no_gaps_even_where_the_beginning_has_expired() -> None:
    sequences = Sequences({ALICE: Last(4)}, lambda _: True)
    assert sequences.judge(ALICE, 6, uuid4()) is Verdict.WAIT
    assert sequences.judge(ALICE, 5, uuid4()) is Verdict.APPLY
    assert not sequences.starts_late(ALICE)


@given(last=st.integers(1, 9), sequence=st.integers(1, 20), held=st.sets(st.integers(1, 20)), lost=st.booleans())
def test_a_state_message_never_takes_a_subject_back_nor_past_what_can_still_be_applied(
    last: int, sequence: int, held: set[int], lost: bool
) -> None:
    verdict = Sequences({ALICE: Last(last)}, lambda _: False, lost).judge_state(ALICE, sequence, held)
    assert verdict is not Verdict.WAIT
    if verdict is Verdict.APPLY:
        assert sequence > last
        assert last + 1 not in held
        assert lost
    elif lost:
        assert sequence <= last or last + 1 in held


@given(sequence=st.integers(1, 20), held=st.sets(st.integers(2, 20)), lost=st.booleans())
def test_a_state_message_is_taken_for_a_subject_that_was_never_seen_unless_its_first_message_is_held(
    sequence: int, held: set[int], lost: bool
) -> None:
    unknown = Sequences({}, lambda _: False, lost)
    assert unknown.judge_state(ALICE, sequence, held) is Verdict.APPLY
    assert unknown.judge_state(ALICE, sequence, held | {1}) is Verdict.DUPLICATE


@given(last=st.integers(1, 9), sequence=st.integers(1, 20), held=st.sets(st.integers(1, 20)))
def test_a_subject_that_may_have_started_late_is_told_what_its_first_messages_told(
    last: int, sequence: int, held: set[int]
) -> None:
    verdict = Sequences({ALICE: Last(last)}, lambda _: True).judge_state(ALICE, sequence, held)
    assert (verdict is Verdict.APPLY) == (sequence == last)


@given(arrivals(), st.data())
def test_behind_a_gap_a_subject_comes_by_a_state_message_to_where_it_would_have_come(
    arrived: tuple[dict[str, int], list[Event]], data: st.DataObject
) -> None:
    lengths, events = arrived
    lost = data.draw(st.sampled_from(events))
    sequences = Sequences({}, lambda _: False, some_are_lost=True)
    _, waiting = apply_all(sequences, [event for event in events if event != lost])
    subject, length = lost[0], lengths[lost[0]]
    behind = {number for who, number in waiting if who == subject}
    assert sequences.judge_state(subject, length, behind) is Verdict.APPLY
    sequences.passed(subject, length)
    _, left = apply_all(sequences, waiting)
    assert left == []
    assert {who: last.sequence for who, last in sequences.last.items()} == lengths


times = st.floats(0, 10_000)
"""Seconds."""


@given(st.lists(times, min_size=1, max_size=6), times, st.data())
def test_what_comes_again_is_never_taken_for_another_message_however_long_its_writer_waited_and_whatever_the_clocks_say(
    made: list[float], ahead: float, data: st.DataObject
) -> None:
    """Ids are made before their numbers are given out, in any order, by clocks that are not ahead of the reader's."""
    ids = [least_id_of(1_000_000 + at) for at in made]
    reader = Sequences({}, lambda _: False, now=1_000_000 + max(made) + ahead)
    for number, message_id in enumerate(ids, 1):
        assert reader.judge(ALICE, number, message_id) is Verdict.APPLY
        reader.applied(ALICE, number, message_id)
    again = data.draw(st.integers(1, len(ids)))
    assert reader.judge(ALICE, again, ids[again - 1]) is Verdict.DUPLICATE


@given(st.integers(1, 6), st.data())
def test_after_a_publisher_was_set_back_no_number_is_dropped_that_was_given_out_again(
    applied: int, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(0, applied - 1))
    later = data.draw(st.floats(CLOCKS_DIFFER_S + 0.002, 10_000))
    reader = Sequences({}, lambda _: False, now=1_000_000.0)
    for number in range(1, applied + 1):
        reader.applied(ALICE, number, least_id_of(999_999))
    for number in range(kept + 1, applied + 1):
        assert reader.judge(ALICE, number, least_id_of(1_000_000 + later)) is Verdict.GIVEN_OUT_TWICE
    assert reader.judge(ALICE, applied + 1, least_id_of(1_000_000 + later)) is Verdict.APPLY


@pytest.mark.parametrize("number", [1, 2])
def test_of_a_message_that_another_release_has_applied_nothing_is_known_but_its_number(number: int) -> None:
    assert Sequences({ALICE: Last(2)}, lambda _: False).judge(ALICE, number, uuid4()) is Verdict.DUPLICATE


def test_the_last_number_has_one_message_whatever_the_clocks_say() -> None:
    reader = Sequences({}, lambda _: False, now=1_000_000.0)
    reader.applied(ALICE, 1, uuid4())
    assert reader.judge(ALICE, 1, uuid4()) is Verdict.GIVEN_OUT_TWICE


def test_a_number_that_was_passed_is_nobodys() -> None:
    reader = Sequences({}, lambda _: False)
    reader.passed(ALICE, 1)
    assert reader.judge(ALICE, 1, uuid4()) is Verdict.DUPLICATE


@given(number=st.integers(1, 100), state=st.integers(1, 100))
def test_what_was_forgotten_goes_on_with_any_number_and_takes_no_state(number: int, state: int) -> None:
    forgotten = Sequences({}, lambda _: False, may_be_forgotten=lambda _: True)
    assert forgotten.judge(ALICE, number, uuid4()) is Verdict.APPLY
    assert forgotten.judge_state(ALICE, state, ()) is Verdict.FORGOTTEN
    forgotten.applied(ALICE, number, uuid4())
    assert forgotten.judge(ALICE, number + 2, uuid4()) is Verdict.WAIT


@pytest.mark.parametrize(("may_start_late", "some_are_lost"), [(True, False), (False, True)])
def test_whoever_lacks_some_takes_the_state_of_what_may_be_forgotten(may_start_late: bool, some_are_lost: bool) -> None:
    sequences = Sequences({}, lambda _: may_start_late, some_are_lost, may_be_forgotten=lambda _: True)
    assert sequences.judge_state(ALICE, 3, ()) is Verdict.APPLY


def test_the_end_that_comes_again_is_noted_only_while_it_is_the_last() -> None:
    sequences = Sequences({ALICE: Last(2)}, lambda _: False)
    assert not sequences.ended_again(ALICE, 1)
    assert not sequences.ended_again("bob", 1)
    assert sequences.ended_again(ALICE, 2)
    assert sequences.last[ALICE].ends
