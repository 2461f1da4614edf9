"""Order and exactly-once per subject: whatever order events come in, they are applied as they were numbered."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.sequence import Sequences, Verdict

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
                verdict = sequences.judge(*each)
                if verdict is Verdict.WAIT:
                    continue
                waiting.remove(each)
                if verdict is Verdict.APPLY:
                    sequences.applied(*each)
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
    assert {sequences.judge(*event) for event in events} == {Verdict.DUPLICATE}


@given(first=st.integers(2, 100), length=st.integers(1, 5))
def test_where_the_logs_beginning_has_expired_a_subject_may_start_later(first: int, length: int) -> None:
    events = [(ALICE, number) for number in range(first, first + length)]
    assert apply_all(Sequences({}, lambda _: False), events) == ({}, events)
    expired = Sequences({}, lambda _: True)
    assert expired.starts_late(ALICE)
    assert apply_all(expired, events) == ({ALICE: [number for _, number in events]}, [])
    assert not expired.starts_late(ALICE)


def test_a_subject_that_is_known_has_no_gaps_even_where_the_beginning_has_expired() -> None:
    sequences = Sequences({ALICE: 4}, lambda _: True)
    assert sequences.judge(ALICE, 6) is Verdict.WAIT
    assert sequences.judge(ALICE, 5) is Verdict.APPLY
    assert not sequences.starts_late(ALICE)
