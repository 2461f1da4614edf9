"""Events of a log: each applied once and in order, together with the offset."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.store import ReaderReplaced
from infirmary.identifiers import least_id_of, new_id
from tests.eventually import eventually
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG, Faults, Told


def test_events_are_applied_in_order_and_tell_others(counting: Counting) -> None:
    counting.read(counting.told("a", 1), counting.told("b", 1), counting.told("a", 2))
    assert counting.numbers("a") == [1, 2]
    assert [(row.target, row.subject, row.sequence) for row in counting.outbox()] == [
        ("notification.events", subject, 1) for subject in ("a 1", "b 1", "a 2")
    ]
    assert counting.store.positions.read(LOG).last_offset == 2
    assert counting.sequences() == {("ward", "a"): 2, ("ward", "b"): 1}


def test_an_event_that_comes_twice_is_applied_once(counting: Counting) -> None:
    twice = new_id()
    counting.read(counting.told("a", 1, message_id=twice), counting.told("a", 1, message_id=twice))
    counting.read(counting.told("a", 1, message_id=twice), counting.told("a", 2))
    assert (counting.numbers("a"), counting.held()) == ([1, 2], [])


def test_an_event_that_comes_early_waits_for_those_before_it(counting: Counting) -> None:
    counting.read(counting.told("a", 3), counting.told("a", 2), counting.told("b", 1))
    assert (counting.numbers("a"), counting.numbers("b")) == ([], [1])
    assert counting.held() == [("a", 3, "waits"), ("a", 2, "waits")]
    counting.read(counting.told("a", 1))
    while counting.retry(LOG):
        pass
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 3], [])


def test_an_early_event_that_comes_again_waits_once(counting: Counting) -> None:
    early = counting.told("a", 2)
    counting.read(early, early)
    counting.read(early)
    assert counting.held() == [("a", 2, "waits")]


def test_what_is_missing_is_counted_until_it_comes(counting: Counting, faults: Faults) -> None:
    faults.breaks("b")
    counting.read(counting.told("a", 1), counting.told("a", 3), counting.told("a", 6), counting.told("b", 1))
    counting.read(counting.told("b", 2))
    counting.retry(LOG)
    assert missing() == 3, "2, 4 and 5 of one subject; of the other all have come, although none can be applied"
    counting.read(counting.told("a", 5), counting.told("a", 2), counting.told("a", 4))
    while counting.retry(LOG):
        pass
    assert missing() == 0


def test_nothing_is_missing_before_what_has_no_place_in_the_order(counting: Counting) -> None:
    counting.read(
        counting.told("a", 2), counting.told("a", 7, source="stranger"), counting.told("b", 7, source="billing")
    )
    counting.read(counting.delivery(Told(counter="c", number=1), "c", None), counting.rubbish())
    assert len(counting.held()) == 5
    assert missing() == 1, "the first of one subject: strangers, and what has no sequence, wait for nothing"


def missing() -> float | None:
    return REGISTRY.get_sample_value("infirmary_messages_missing", {"channel": LOG})


def test_those_that_wait_for_an_event_are_woken_however_long_they_were_put_off(counting: Counting) -> None:
    counting.read(counting.told("a", 2), counting.told("a", 3))
    counting.make_due(after=timedelta(minutes=10))
    assert counting.retry(LOG) == 0
    counting.read(counting.told("a", 1))
    while counting.retry(LOG):
        pass
    assert counting.numbers("a") == [1, 2, 3]


def test_a_sequence_near_the_end_of_all_numbers_stops_nobody(counting: Counting) -> None:
    counting.read(counting.told("a", 1, 2**62), counting.told("b", 1), counting.told("c", 1, 2**63 - 1))
    counting.retry(LOG)
    assert counting.numbers("b") == [1]


def test_a_log_that_has_lost_its_beginning_may_start_a_subject_above_1(counting: Counting) -> None:
    counting.positions[LOG] = counting.positions[LOG].begun_at(7, datetime.now(UTC))
    counting.read(counting.told("a", 5), counting.told("a", 6), counting.told("a", 8))
    assert counting.numbers("a") == [5, 6]
    assert counting.held() == [("a", 8, "waits")]


def test_what_began_after_the_lost_beginning_of_a_log_is_waited_for_from_its_first_message_on(
    counting: Counting,
) -> None:
    counting.positions[LOG] = counting.positions[LOG].begun_at(7, datetime.now(UTC) - timedelta(hours=1))
    old, young = str(least_id_of(time.time() - 7200)), str(new_id())
    counting.read(counting.told(old, 2), counting.told(young, 2))
    counting.positions[LOG] = counting.store.positions.read(LOG)
    counting.read(counting.told(young, 1), counting.told(old, 1))
    counting.retry_all(LOG)
    assert (counting.numbers(young), counting.numbers(old)) == ([1, 2], [2])


def test_the_first_of_a_subject_that_starts_late_is_waited_for_when_it_fails(
    counting: Counting, faults: Faults
) -> None:
    counting.positions[LOG] = counting.positions[LOG].begun_at(7, datetime.now(UTC))
    faults.breaks("a")
    counting.read(counting.told("a", 5), counting.told("a", 6))
    faults.broken.clear()
    counting.read(counting.told("a", 7))
    assert counting.numbers("a") == []
    counting.retry_all(LOG)
    assert (counting.numbers("a"), counting.held()) == ([5, 6, 7], [])


def test_a_log_that_is_read_again_from_its_beginning_changes_nothing(counting: Counting) -> None:
    events = [counting.told("a", 1), counting.told("a", 2), counting.told("b", 1)]
    counting.read(*events)
    counting.positions[LOG] = replace(counting.store.positions.start_over(LOG, None), first_offset=0)
    assert counting.positions[LOG].last_offset is None
    counting.read(*events, counting.told("a", 3))
    assert (counting.numbers("a"), counting.numbers("b"), len(counting.outbox())) == ([1, 2, 3], [1], 4)


def test_a_reader_that_was_replaced_cannot_move_the_offset(counting: Counting) -> None:
    old = counting.positions[LOG]
    counting.read(counting.told("a", 1))
    position = counting.store.positions.read(LOG)
    with pytest.raises(ReaderReplaced):
        counting.applier.apply(LOG, [counting.told("a", 2)], old)
    assert counting.store.positions.read(LOG) == position


def test_a_log_has_one_reader_at_a_time_and_the_next_takes_over(counting: Counting) -> None:
    second = counting.open_store()
    assert not second.positions.own(LOG)
    counting.end_reader(counting.store)
    eventually(lambda: second.positions.own(LOG), because="the first one is gone")


def test_a_database_has_one_name_and_keeps_it(counting: Counting) -> None:
    assert counting.store.identity() == counting.open_store().identity() == counting.store.identity()
