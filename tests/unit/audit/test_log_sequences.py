"""A log is in order when every subject counts 1, 2, 3 ...; a repeat is allowed, anything else is not."""

from dataclasses import replace
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from audit.checks.messaging import every_event_was_applied, sequences_are_contiguous
from audit.facts import DatabaseState, Facts, LogMessage
from audit.ledger import Ledger
from audit.quiescence import messages_in


def message(offset: int, subject: str, sequence: int | None, message_id: UUID | None = None) -> LogMessage:
    return LogMessage(offset, message_id or uuid4(), "ward", "BedReserved", subject, sequence)


def complaints(*messages: LogMessage) -> list[str]:
    return [violation.what for violation in sequences_are_contiguous(Facts(logs={"ward": messages}), Ledger())]


def test_a_gap_is_a_violation() -> None:
    assert complaints(message(0, "a", 1), message(1, "a", 3)) == ["BedReserved has 3, expected was 2"]


def test_a_log_that_begins_with_two_is_a_violation() -> None:
    assert complaints(message(0, "a", 2)) == ["BedReserved has 2, expected was 1"]


def test_a_message_that_overtook_another_is_a_violation() -> None:
    assert complaints(message(0, "a", 1), message(1, "a", 3), message(2, "a", 2)) != []


def test_a_repeat_of_the_same_message_is_allowed() -> None:
    again = uuid4()
    assert complaints(message(0, "a", 1, again), message(1, "a", 2), message(2, "a", 1, again)) == []


def test_two_messages_with_one_number_are_a_violation() -> None:
    assert len(complaints(message(0, "a", 1), message(1, "a", 1))) == 1


def test_an_event_of_another_service_or_without_a_number_is_a_violation() -> None:
    assert len(complaints(replace(message(0, "a", 1), source="lab"))) == 1
    assert len(complaints(message(0, "a", None))) == 1


def test_where_the_beginning_has_expired_a_subject_may_begin_anywhere() -> None:
    assert complaints(message(7, "a", 4), message(8, "a", 5)) == []
    assert len(complaints(message(7, "a", 4), message(8, "a", 6))) == 1


def test_what_has_ended_may_be_forgotten_by_its_readers_and_its_writer_and_begin_anew() -> None:
    """The log holds none of them by then: `a` is known to nobody, `b` to its writer, `c` began anew."""
    writer = DatabaseState(given={"ward": {"b": 3, "c": 2}})
    reader = DatabaseState(readers={"ward.events": 8}, applied={("ward", "c"): 2})
    logs = {"ward": (message(7, "c", 1), message(8, "c", 2))}
    facts = Facts(logs=logs, databases={"ward": writer, "chart": reader})
    for check in (sequences_are_contiguous, every_event_was_applied):
        assert [violation.what for violation in check(facts, Ledger())] == []


def in_part(part: int, offset: int, sequence: int) -> LogMessage:
    return replace(message(offset, "a", sequence), part=part)


def test_a_subject_that_moved_to_another_part_is_in_order() -> None:
    assert complaints(in_part(1, 0, 3), in_part(0, 0, 1), in_part(0, 1, 2), in_part(1, 1, 4)) == []


def test_what_none_of_the_parts_holds_is_a_violation() -> None:
    assert complaints(in_part(0, 0, 1), in_part(1, 0, 3)) == ["[2] are in none of its parts"]


def test_a_message_that_overtook_another_in_its_part_is_a_violation() -> None:
    assert complaints(in_part(0, 0, 1), in_part(1, 0, 3), in_part(1, 1, 2)) == [
        "BedReserved has 2, and 3 came before it"
    ]


def test_where_a_parts_beginning_has_expired_a_subject_may_begin_anywhere() -> None:
    assert complaints(in_part(0, 7, 4), in_part(1, 0, 5)) == []
    assert complaints(in_part(0, 0, 4), in_part(1, 9, 6)) == ["[5] are in none of its parts"]


@given(st.lists(st.sampled_from("abc")), st.data())
def test_any_interleaving_with_any_repeats_is_in_order(subjects: list[str], data: st.DataObject) -> None:
    sent: list[LogMessage] = []
    counts: dict[str, int] = {}
    for subject in subjects:
        counts[subject] = counts.get(subject, 0) + 1
        sent.append(message(len(sent), subject, counts[subject]))
        if data.draw(st.booleans()):
            repeated = data.draw(st.sampled_from(sent))
            sent.append(replace(repeated, offset=len(sent)))
    assert complaints(*sent) == []
    assert messages_in(sent) == len(subjects)
