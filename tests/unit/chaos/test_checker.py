"""Each rule of the chaos checker finds what it is for, and nothing in a run without a flaw."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.checker.finding import Column, Finding
from tests.chaos.checker.logs import repeats
from tests.chaos.checker.verdict import of_history
from tests.chaos.history import Applied, History, InLog

WINDOW = 4


def applied(*sequences: int | None, subject: str = "bed-1") -> list[Applied]:
    return [Applied("ward", "ward", subject, sequence, UUID(int=sequence or 99)) for sequence in sequences]


def log(*sequences: int, injected: tuple[int, ...] = ()) -> list[InLog]:
    """A log of one subject; `injected` are offsets."""
    return [
        InLog(offset, UUID(int=sequence), "bed-1", sequence, offset in injected)
        for offset, sequence in enumerate(sequences)
    ]


def found(history: History) -> list[Finding]:
    return list(of_history(history, WINDOW))


def columns(history: History) -> set[Column]:
    return {finding.column for finding in found(history)}


def read(*sequences: int, given: int = 3) -> History:
    return History(
        applied={"chart": applied(*sequences)},
        reads={"chart": ["ward"]},
        given={"ward": {"bed-1": given}},
        logs={"ward": log(1, 2, 3)},
    )


def test_a_run_without_a_flaw_has_no_findings() -> None:
    assert found(read(1, 2, 3)) == []


def test_an_event_applied_twice_is_doubled() -> None:
    assert columns(read(1, 2, 2, 3)) == {Column.DOUBLED}


def test_a_command_of_a_queue_of_before_applied_twice_is_doubled() -> None:
    assert columns(History(applied={"ward": applied(None, None)})) == {Column.DOUBLED}


def test_the_same_subject_is_counted_in_each_log_by_itself() -> None:
    saga = UUID(int=5)
    both = [Applied(f"{writer}.to.admission", writer, "saga", 1, saga) for writer in ("ward", "billing")]
    given = {f"{writer}.to.admission": {"saga": 1} for writer in ("ward", "billing")}
    logs = {stem: [InLog(0, saga, "saga", 1)] for stem in given}
    reads = {"admission": list(given)}
    assert found(History(applied={"admission": both}, reads=reads, given=given, logs=logs)) == []
    assert columns(History(applied={"admission": both[:1]}, reads=reads, given=given, logs=logs)) == {Column.LOST}


def test_an_event_applied_before_the_one_it_follows_is_reordered() -> None:
    assert columns(read(1, 3, 2)) == {Column.REORDERED}


def test_an_event_passed_over_is_lost() -> None:
    assert columns(read(1, 3)) == {Column.LOST}


def test_an_event_that_a_reader_never_came_to_is_lost() -> None:
    assert columns(read(1, 2)) == {Column.LOST}
    assert columns(read()) == {Column.LOST}


def test_an_event_that_is_not_in_the_log_is_lost() -> None:
    history = History(given={"ward": {"bed-1": 3, "bed-2": 1}}, logs={"ward": log(1, 3)})
    assert [str(finding.violation.what) for finding in found(history)] == ["lacks 2 of 3", "lacks 1 of 1"]


def test_a_log_that_is_only_out_of_order_is_for_its_readers_to_put_right() -> None:
    assert found(History(given={"ward": {"bed-1": 3}}, logs={"ward": log(2, 1, 2, 3)})) == []


def test_two_messages_under_one_number_are_found() -> None:
    twin = InLog(3, UUID(int=7), "bed-1", 3)
    assert columns(History(logs={"ward": [*log(1, 2, 3), twin]})) == {Column.DOUBLED}


def test_a_repeat_of_the_unconfirmed_window_is_allowed_and_counted() -> None:
    messages = log(1, 2, 3, 4, 1, 2, 3, 4, 5)
    assert found(History(logs={"ward": messages})) == []
    assert len(repeats(messages)) == 4


def test_a_repeat_from_before_the_window_is_found() -> None:
    assert columns(History(logs={"ward": log(1, 2, 3, 4, 5, 1)})) == {Column.DOUBLED}


def test_what_the_nemesis_repeats_is_nobodys_fault() -> None:
    assert found(History(logs={"ward": log(1, 2, 3, 4, 5, 1, injected=(5,))})) == []


@given(st.lists(st.integers(1, 6), max_size=12))
def test_only_one_two_three_and_so_on_is_in_order(sequences: list[int]) -> None:
    history = History(applied={"chart": applied(*sequences)})
    assert (found(history) == []) is (sequences == list(range(1, len(sequences) + 1)))
