"""What failed waits and is tried again, twice as long each time; everything else flows on."""

from infirmary_relay.backoff import (
    MOST_REASONS,
    MOST_SUBJECTS,
    Backoffs,
    BackoffTimes,
    Kind,
)
from infirmary_relay.message import Row
from infirmary_relay.sources.source import HeldBack
from infirmary_relay.window import Receipts

TIMES = BackoffTimes()


def message(target: str, subject: str, number: int = 1) -> Row:
    return (number, target, subject, number.to_bytes(16, "big"), b"", b"")


def reasons(backoffs: Backoffs) -> list[str]:
    return [problem.text for problem in backoffs.problems()]


def returned(*rows: Row) -> Receipts:
    return Receipts([], list(rows), [])


def test_a_return_holds_back_the_target_and_a_refusal_the_subject() -> None:
    backoffs = Backoffs(TIMES)
    gone, full = message("gone", "a"), message("full", "b")
    backoffs.settled([gone, full], Receipts([], [gone], [full]), now=0)
    assert backoffs.current() == HeldBack(frozenset({"gone"}), frozenset({"b"}))


def test_a_backoff_is_due_after_its_delay_and_holds_until_it_is_lifted() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.returned([message("gone", "a")], now=0)
    assert backoffs.due(TIMES.first_s / 2) == []
    (backoff,) = backoffs.due(TIMES.first_s)
    assert backoffs.current().targets == {"gone"}
    backoffs.lift(backoff, TIMES.first_s)
    assert backoffs.current().targets == frozenset()
    assert reasons(backoffs), "it is on trial, and still a reason"


def test_each_failure_doubles_the_delay_up_to_a_limit_that_recovery_can_wait_for() -> None:
    backoffs = Backoffs(TIMES)
    now, delays = 0.0, []
    for _ in range(8):
        backoffs.returned([message("gone", "a")], now)
        (backoff,) = [backoff for backoff in backoffs.due(now + TIMES.longest_s) if backoff.name == "gone"]
        delays.append(backoff.delay_s)
        now += backoff.delay_s
        backoffs.lift(backoff, now)
    assert delays[:3] == [TIMES.first_s, 2 * TIMES.first_s, 4 * TIMES.first_s]
    assert delays[-1] == TIMES.longest_s


def test_a_confirm_ends_the_trial() -> None:
    backoffs = Backoffs(TIMES)
    row = message("log", "a")
    backoffs.returned([row], now=0)
    backoffs.lift(backoffs.due(1)[0], now=1)
    backoffs.settled([row], Receipts([1], [], []), now=1)
    assert reasons(backoffs) == []
    backoffs.returned([row], now=2)
    assert backoffs.due(2 + TIMES.first_s), "the next failure begins with the first delay again"


def test_a_trial_without_any_message_ends_by_itself() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.returned([message("log", "a")], now=0)
    backoffs.lift(backoffs.due(1)[0], now=1)
    assert backoffs.due(60) == []
    assert reasons(backoffs) == []


def test_a_target_that_refuses_many_subjects_is_held_back_whole() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.refused([message("full", f"s{number}") for number in range(MOST_SUBJECTS + 1)], now=0)
    assert backoffs.current() == HeldBack(targets=frozenset({"full"}))
    assert backoffs.count(Kind.SUBJECT) == 0


def test_a_poison_message_waits_long_and_is_then_tried_alone() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.poison(message("log", "a"), "406 PRECONDITION_FAILED", now=0)
    assert backoffs.due(TIMES.longest_s) == []
    (backoff,) = backoffs.due(TIMES.poison_first_s)
    assert backoff.alone
    assert reasons(backoffs) == ["subject a: 406 PRECONDITION_FAILED"]


def test_a_backoff_ends_when_its_message_has_gone() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.missing(message("nowhere", "a", 1), "nobody declared it", now=0)
    backoffs.unfit(message("log", "b", 2), "it cannot be sent", now=0)
    assert backoffs.keys() == [1, 2]
    assert not backoffs.keep({1, 2})
    assert backoffs.keep({2})
    assert reasons(backoffs) == ["subject b: it cannot be sent"]
    assert backoffs.current() == HeldBack(subjects=frozenset({"b"}))


def test_a_target_that_is_missing_for_long_is_looked_for_less_and_less_often() -> None:
    backoffs, now, looks = Backoffs(TIMES), TIMES.first_s, 0
    backoffs.missing(message("nowhere", "a"), "missing", now=0)
    while now < 3600:
        (backoff,) = backoffs.due(now)
        backoffs.still_missing(backoff, "missing", now)
        looks, now = looks + 1, backoff.until
        assert backoff.delay_s <= max(TIMES.longest_s, now / 50)
    assert backoff.delay_s == TIMES.missing_longest_s
    assert looks < 400


def test_a_new_connection_is_a_reason_to_look_at_every_target_at_once() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.missing(message("nowhere", "a"), "missing", now=0)
    for now in range(1000, 1300, 50):
        backoffs.still_missing(backoffs.due(now)[0], "missing", now)
    assert not backoffs.due(1251)
    backoffs.wake(1251)
    assert [backoff.name for backoff in backoffs.due(1251)] == ["nowhere"]


def test_a_target_that_is_only_being_looked_at_is_held_and_no_reason() -> None:
    backoffs = Backoffs(TIMES)
    backoffs.missing(message("log", "a"), None, now=0)
    assert backoffs.current().targets == {"log"}
    assert reasons(backoffs) == []
    assert backoffs.count(Kind.TARGET) == 0


def test_many_messages_that_cannot_be_sent_do_not_hold_back_their_target() -> None:
    backoffs = Backoffs(TIMES)
    for number in range(2 * MOST_SUBJECTS):
        backoffs.unfit(message("log", f"s{number}", number), "it cannot be sent", now=0)
    backoffs.refused([message("log", "refused", 999)], now=0)
    assert backoffs.current().targets == frozenset()
    assert len(reasons(backoffs)) == MOST_REASONS + 1
    assert reasons(backoffs)[-1] == f"and {2 * MOST_SUBJECTS + 1 - MOST_REASONS} more subjects"
