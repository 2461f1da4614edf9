"""What failed waits and is tried again, twice as long each time; everything else flows on."""

from infirmary_relay.blocks import (
    CULPRIT_DELAY_S,
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    LONGEST_TARGET_DELAY_S,
    MOST_REASONS,
    MOST_SUBJECTS,
    Blocks,
    Kind,
)
from infirmary_relay.delivery import Receipts
from infirmary_relay.message import Row
from infirmary_relay.sources.source import Blocked


def message(target: str, subject: str, number: int = 1) -> Row:
    return (number, target, subject, number.to_bytes(16, "big"), b"", b"")


def reasons(blocks: Blocks) -> list[str]:
    return [trouble.words for trouble in blocks.troubles()]


def returned(*rows: Row) -> Receipts:
    return Receipts([], list(rows), [])


def test_a_return_blocks_the_target_and_a_refusal_the_subject() -> None:
    blocks = Blocks()
    gone, full = message("gone", "a"), message("full", "b")
    blocks.settled([gone, full], Receipts([], [gone], [full]), now=0)
    assert blocks.current() == Blocked(frozenset({"gone"}), frozenset({"b"}))


def test_a_block_is_due_after_its_delay_and_holds_until_it_is_lifted() -> None:
    blocks = Blocks()
    blocks.returned([message("gone", "a")], now=0)
    assert blocks.due(FIRST_DELAY_S / 2) == []
    (block,) = blocks.due(FIRST_DELAY_S)
    assert blocks.current().targets == {"gone"}
    blocks.lift(block, FIRST_DELAY_S)
    assert blocks.current().targets == frozenset()
    assert reasons(blocks), "it is on trial, and still a reason"


def test_each_failure_doubles_the_delay_up_to_a_limit_that_recovery_can_wait_for() -> None:
    blocks = Blocks()
    now, delays = 0.0, []
    for _ in range(8):
        blocks.returned([message("gone", "a")], now)
        (block,) = [block for block in blocks.due(now + LONGEST_DELAY_S) if block.name == "gone"]
        delays.append(block.delay_s)
        now += block.delay_s
        blocks.lift(block, now)
    assert delays[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays[-1] == LONGEST_DELAY_S


def test_a_confirm_ends_the_trial() -> None:
    blocks = Blocks()
    row = message("log", "a")
    blocks.returned([row], now=0)
    blocks.lift(blocks.due(1)[0], now=1)
    blocks.settled([row], Receipts([1], [], []), now=1)
    assert reasons(blocks) == []
    blocks.returned([row], now=2)
    assert blocks.due(2 + FIRST_DELAY_S), "the next failure begins with the first delay again"


def test_a_trial_without_any_message_ends_by_itself() -> None:
    blocks = Blocks()
    blocks.returned([message("log", "a")], now=0)
    blocks.lift(blocks.due(1)[0], now=1)
    assert blocks.due(60) == []
    assert reasons(blocks) == []


def test_a_target_that_refuses_many_subjects_is_blocked_whole() -> None:
    blocks = Blocks()
    blocks.refused([message("full", f"s{number}") for number in range(MOST_SUBJECTS + 1)], now=0)
    assert blocks.current() == Blocked(targets=frozenset({"full"}))
    assert blocks.count(Kind.SUBJECT) == 0


def test_a_culprit_waits_long_and_is_then_tried_alone() -> None:
    blocks = Blocks()
    blocks.culprit(message("log", "a"), "406 PRECONDITION_FAILED", now=0)
    assert blocks.due(LONGEST_DELAY_S) == []
    (block,) = blocks.due(CULPRIT_DELAY_S)
    assert block.alone
    assert reasons(blocks) == ["subject a: 406 PRECONDITION_FAILED"]


def test_a_block_ends_when_its_message_has_gone() -> None:
    blocks = Blocks()
    blocks.missing(message("nowhere", "a", 1), "nobody declared it", now=0)
    blocks.unfit(message("log", "b", 2), "it cannot be sent", now=0)
    assert blocks.keys() == [1, 2]
    assert not blocks.keep({1, 2})
    assert blocks.keep({2})
    assert reasons(blocks) == ["subject b: it cannot be sent"]
    assert blocks.current() == Blocked(subjects=frozenset({"b"}))


def test_a_target_that_is_missing_for_long_is_looked_for_less_and_less_often() -> None:
    blocks, now, looks = Blocks(), FIRST_DELAY_S, 0
    blocks.missing(message("nowhere", "a"), "missing", now=0)
    while now < 3600:
        (block,) = blocks.due(now)
        blocks.still_missing(block, "missing", now)
        looks, now = looks + 1, block.until
        assert block.delay_s <= max(LONGEST_DELAY_S, now / 50)
    assert block.delay_s == LONGEST_TARGET_DELAY_S
    assert looks < 400


def test_a_new_connection_is_a_reason_to_look_at_every_target_at_once() -> None:
    blocks = Blocks()
    blocks.missing(message("nowhere", "a"), "missing", now=0)
    for now in range(1000, 1300, 50):
        blocks.still_missing(blocks.due(now)[0], "missing", now)
    assert not blocks.due(1251)
    blocks.hurry(1251)
    assert [block.name for block in blocks.due(1251)] == ["nowhere"]


def test_a_target_that_is_only_being_looked_at_is_held_and_no_reason() -> None:
    blocks = Blocks()
    blocks.missing(message("log", "a"), None, now=0)
    assert blocks.current().targets == {"log"}
    assert reasons(blocks) == []
    assert blocks.count(Kind.TARGET) == 0


def test_many_messages_that_cannot_be_sent_do_not_block_their_target() -> None:
    blocks = Blocks()
    for number in range(2 * MOST_SUBJECTS):
        blocks.unfit(message("log", f"s{number}", number), "it cannot be sent", now=0)
    blocks.refused([message("log", "refused", 999)], now=0)
    assert blocks.current().targets == frozenset()
    assert len(reasons(blocks)) == MOST_REASONS + 1
    assert reasons(blocks)[-1] == f"and {2 * MOST_SUBJECTS + 1 - MOST_REASONS} more subjects"
