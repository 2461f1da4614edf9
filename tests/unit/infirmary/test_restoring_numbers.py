"""Whatever a backup holds, exactly what was said after it is found in the log, and every number is there once."""

from collections import Counter
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from infirmary.restoring.declaration import Restoring
from infirmary.restoring.numbers import Missing, Numbers, Unsent
from infirmary.restoring.told import Told
from infirmary.restoring.treatment import treatment_of
from infirmary.transport.envelope import Incoming
from infirmary.transport.state_messages import LAST_WORD

LOG = "orders.events"


def told(subject: str, sequence: int) -> Told:
    message = Incoming(uuid4(), "orders", "OrderPlaced", subject, sequence, None, None, None, b"{}")
    return Told(message, LOG, sequence, None)


def said(subjects: list[str]) -> list[Told]:
    """Returns a log in which each of these says the next thing."""
    numbers = Counter[str]()
    log = []
    for subject in subjects:
        numbers[subject] += 1
        log.append(told(subject, numbers[subject]))
    return log


def last_of(log: list[Told]) -> dict[str, int]:
    return {each.counted_as: each.sequence for each in log}


subjects = st.lists(st.sampled_from("abc"), max_size=30)


@given(history=subjects, kept=st.integers(0, 30), copies=st.data())
def test_what_was_said_after_any_backup_is_found_once(history: list[str], kept: int, copies: st.DataObject) -> None:
    log = said(history)
    backup, since = log[:kept], log[kept:]
    read = list(log)
    for each in copies.draw(st.lists(st.sampled_from(log), max_size=5)) if log else []:
        read.insert(copies.draw(st.integers(read.index(each) + 1, len(read))), each)  # a relay that was killed
    numbers = Numbers(last_of(backup), ())
    assert [each for each in read if numbers.was_said_since(each)] == since
    assert last_of(backup) | numbers.taken_on == last_of(log)
    assert (numbers.again, numbers.missing) == ([], [])


@given(history=subjects, kept=st.integers(0, 30), unsent=st.integers(0, 30), written_after=subjects)
def test_a_number_that_was_given_out_twice_stays_with_what_the_world_has_seen(
    history: list[str], kept: int, unsent: int, written_after: list[str]
) -> None:
    log = said(history)
    backup, since = log[:kept], log[kept:]
    given_out = Counter(last_of(backup))
    again: dict[str, list[Unsent]] = {}
    for subject in written_after:  # by a service that does not know that its database was set back
        given_out[subject] += 1
        again.setdefault(subject, []).append(Unsent(uuid4(), subject, given_out[subject]))
    not_sent_yet = [Unsent(each.message.message_id, each.counted_as, each.sequence) for each in backup[unsent:]]
    numbers = Numbers(given_out, [*not_sent_yet, *(row for rows in again.values() for row in rows)])
    assert [each for each in log if numbers.was_said_since(each)] == since
    for subject, rows in again.items():
        is_told = any(each.counted_as == subject for each in since)
        lost = [row.message_id for row in rows if row.message_id in numbers.again]
        assert lost == ([row.message_id for row in rows] if is_told else [])
    assert numbers.taken_on == last_of(since)


def test_what_retention_has_taken_out_of_the_log_is_told() -> None:
    numbers = Numbers({"a": 2}, ())
    assert numbers.was_said_since(told("a", 6))
    assert numbers.missing == [Missing("a", 3, 5)]
    assert numbers.was_said_since(told("a", 7))
    assert numbers.missing == [Missing("a", 3, 5)]


def test_a_row_that_waits_under_its_own_number_is_no_second_one() -> None:
    first = told("a", 1)
    numbers = Numbers({"a": 1}, [Unsent(first.message.message_id, "a", 1)])
    assert not numbers.was_said_since(first)
    assert numbers.again == []


def test_rows_of_one_subject_get_their_new_numbers_in_their_order() -> None:
    rows = [Unsent(UUID(int=n), "a", n) for n in (3, 2, 4)]
    numbers = Numbers({"a": 4}, rows)
    assert numbers.was_said_since(told("a", 2))
    assert numbers.again == [UUID(int=2), UUID(int=3), UUID(int=4)]
    assert not numbers.was_said_since(told("a", 1))


def test_the_last_word_of_who_has_told_all_state_again_leaves_nothing_to_be_made_again() -> None:
    treatment = treatment_of(Restoring("ward"), "ward.events", LAST_WORD)
    assert treatment.is_made_again
    assert not treatment_of(Restoring("ward"), "ward.events", "SomethingElse").is_made_again


def test_the_record_of_access_is_passed_over_and_no_saga_of_its_own() -> None:
    assert treatment_of(Restoring("ward"), "ward.to.audit", "AccessRecorded").is_made_again
    access = Told(
        Incoming(uuid4(), "ward", "AccessRecorded", str(uuid4()), 1, None, None, None, b"{}"), "ward.to.audit", 1, None
    )
    assert (access.is_of_access, access.is_reply, access.is_event) == (True, False, False)
