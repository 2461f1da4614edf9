"""What fails is parked and tried again, what waits for it follows, and everything else flows on."""

import logging
import time

import pytest

from infirmary.identifiers import new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Add, Faults, TakeAway


def test_a_failing_event_is_parked_with_those_behind_it_and_nothing_else(counting: Counting, faults: Faults) -> None:
    faults.breaks("a")
    counting.read(counting.told("a", 1), counting.told("b", 1), counting.told("a", 2), counting.told("b", 2))
    assert counting.numbers("b") == [1, 2]
    assert counting.held() == [("a", 1, "parked"), ("a", 2, "waits")]
    assert counting.errors()[0].startswith("Unlucky")
    assert {row.subject for row in counting.outbox()} == {"b 1", "b 2"}


def test_parked_events_are_applied_in_order_once_the_fault_is_gone(counting: Counting, faults: Faults) -> None:
    faults.breaks("a")
    counting.read(counting.told("a", 1), counting.told("a", 2))
    counting.retry_all(LOG)
    assert [each.attempts for each in counting.parked().everything()] == [2, 0]
    faults.broken.clear()
    counting.retry_all(LOG)
    counting.read(counting.told("a", 3))
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 3], [])


def test_a_parked_command_is_applied_when_the_fault_is_gone(counting: Counting, faults: Faults) -> None:
    saga_id, other = new_id(), new_id()
    faults.breaks(saga_id)
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2))
    counting.take(counting.asked(Add, other, 7))
    assert counting.numbers(other) == [7]
    faults.broken.clear()
    counting.retry_all(COMMANDS)
    assert (counting.numbers(saga_id), counting.held()) == ([5], [])
    assert counting.replies(saga_id) == [("step", 1, "done"), ("step", 2, "done")]


def test_commands_behind_a_parked_one_follow_it_at_once(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.breaks(saga_id)
    counting.take(*(counting.asked(Add, saga_id, 5, attempt=attempt) for attempt in range(1, 6)))
    faults.broken.clear()
    counting.make_due()
    assert counting.retry(COMMANDS) == 5
    assert (counting.held(), counting.numbers(saga_id)) == ([], [5])


def test_what_the_database_does_not_take_parks_its_cause_only(counting: Counting) -> None:
    saga_id = new_id()
    counting.refuse("a")
    counting.read(counting.told("a", 1), counting.told("b", 1), counting.told("a", 2))
    assert (counting.numbers("a"), counting.numbers("b")) == ([], [1])
    assert counting.held() == [("a", 1, "parked"), ("a", 2, "waits")]
    assert [row.subject for row in counting.outbox()] == ["b 1"]
    counting.accept()
    counting.refuse(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 5, step="one"), counting.asked(Add, new_id(), 7))
    assert (counting.numbers(saga_id), counting.replies(saga_id)) == ([], [])
    counting.accept()
    for log in (LOG, COMMANDS):
        counting.retry_all(log)
    assert (counting.numbers("a"), counting.numbers(saga_id), counting.held()) == ([1, 2], [5], [])
    assert counting.replies(saga_id) == [("one", 1, "done")]


def test_a_fault_that_passes_parks_nothing_and_leaves_the_offset_where_it_is(
    counting: Counting, faults: Faults
) -> None:
    batch = [counting.told("a", 1), counting.told("a", 2), counting.told("b", 1)]
    faults.broken["b"] = counting.passing_error()
    with pytest.raises(type(faults.broken["b"])) as caught:
        counting.read(*batch)
    assert counting.store.is_transient(caught.value)
    assert counting.held() == []
    assert counting.store.positions.read(LOG).last_offset is None
    faults.broken.clear()
    counting.read(*batch)
    assert (counting.numbers("a"), counting.numbers("b"), len(counting.outbox())) == ([1, 2], [1], 3)


def test_a_compensation_overtakes_its_own_parked_command_and_closes_it(counting: Counting, faults: Faults) -> None:
    saga_id, other = new_id(), new_id()
    faults.breaks(saga_id)
    late = counting.asked(Add, saga_id, 5)
    counting.take(late, counting.asked(Add, saga_id, 5, attempt=2), counting.asked(Add, other, 7))
    counting.take(late)
    assert counting.held() == [(str(saga_id), 1, "parked"), (str(saga_id), 2, "waits")]
    counting.take(counting.asked(TakeAway, saga_id, 5))
    assert (counting.numbers(other), counting.held()) == ([7], [])
    counting.take(late)
    assert counting.replies(saga_id) == [("step.compensation", 1, "done")]
    faults.broken.clear()
    counting.take(counting.asked(Add, saga_id, 5, attempt=3))
    assert (counting.numbers(saga_id), counting.replies(saga_id)[1:]) == ([], [("step", 3, "refused")])


def test_a_compensation_does_not_overtake_the_command_of_another_step(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5, step="one"))
    faults.breaks(saga_id)
    counting.take(counting.asked(Add, saga_id, 7, step="two"), counting.asked(TakeAway, saga_id, 5, step="one"))
    assert counting.held() == [(str(saga_id), 2, "parked"), (str(saga_id), 3, "waits")]
    faults.broken.clear()
    counting.retry_all(COMMANDS)
    assert counting.numbers(saga_id) == [5, 7, -5]


@pytest.mark.parametrize("compensations", [1, 2])
def test_a_compensation_that_fails_as_well_leaves_its_command_parked(
    counting: Counting, faults: Faults, compensations: int
) -> None:
    saga_id = new_id()
    faults.breaks(saga_id)
    counting.take(counting.asked(Add, saga_id, 5))
    counting.refuse_answers()
    counting.take(*(counting.asked(TakeAway, saga_id, 5, attempt=attempt + 1) for attempt in range(compensations)))
    assert [state for _, _, state in counting.held()] == ["parked"] * (1 + compensations)
    counting.accept()
    counting.retry_all(COMMANDS)
    assert (counting.held(), counting.numbers(saga_id)) == ([], [])
    assert counting.replies() == [("step.compensation", attempt + 1, "done") for attempt in range(compensations)]


def test_of_a_heap_that_fails_a_few_are_tried_beside_new_work_and_all_in_turn(
    counting: Counting, faults: Faults
) -> None:
    sagas = [new_id() for _ in range(30)]
    faults.breaks(*sagas)
    counting.take(*(counting.asked(Add, saga_id, 5) for saga_id in sagas))
    counting.take(counting.asked(Add, sagas[0], 5, attempt=2))
    counting.make_due()
    counting.retry(COMMANDS, at_most=2)
    assert failed_twice(counting) == 2
    counting.retry(COMMANDS, 100, until=0.0)
    assert failed_twice(counting) == 3, "when the time is up, one is tried all the same"
    counting.retry(COMMANDS)
    assert failed_twice(counting) == 30
    faults.broken.clear()
    counting.retry_all(COMMANDS)
    assert (counting.held(), counting.numbers(sagas[0])) == ([], [5])


def failed_twice(counting: Counting) -> int:
    return sum(each.attempts > 1 for each in counting.parked().everything())


def test_one_that_has_just_failed_is_tried_before_a_heap_that_fails_for_ever(
    counting: Counting, faults: Faults
) -> None:
    sagas, fresh = [new_id() for _ in range(300)], new_id()
    faults.breaks(*sagas, fresh)
    for begin in range(0, 300, 100):
        counting.take(*(counting.asked(Add, saga_id, 5) for saga_id in sagas[begin : begin + 100]))
    counting.note_failures(9)
    counting.take(counting.asked(Add, fresh, 5), counting.asked(Add, fresh, 5, attempt=2))
    counting.make_due()
    del faults.broken[str(fresh)]
    assert [counting.retry(COMMANDS, 2, time.monotonic()) for _ in range(2)] == [2, 0]
    assert counting.numbers(fresh) == [5]
    assert [each for each in counting.held() if each[0] == str(fresh)] == []


def test_a_parked_message_tells_once_where_it_failed(
    counting: Counting, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    saga_id = new_id()
    faults.breaks(saga_id)
    with caplog.at_level(logging.ERROR):
        counting.take(counting.asked(Add, saga_id, 5))
        counting.retry_all(COMMANDS)
        counting.retry_all(COMMANDS)
    told = [record for record in caplog.records if "is parked" in record.getMessage()]
    assert ["in add" in vars(record)["traceback"] for record in told] == [True]
    (held,) = counting.parked().everything()
    assert (held.sentence, held.attempts) == (f"Unlucky: {saga_id}", 3)


def test_an_error_with_text_that_no_database_takes_is_kept(counting: Counting, faults: Faults) -> None:
    faults.broken["a"] = RuntimeError("a bug\x00\ud800")
    counting.read(counting.told("a", 1), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert counting.held() == [("a", 1, "parked")]


def test_a_message_whose_handler_would_tell_too_much_is_parked(counting: Counting) -> None:
    counting.settings = counting.settings.model_copy(update={"message_max_bytes": len('{"counted":"a 1"}')})
    counting.end_reader(counting.store)
    counting.take_over()
    counting.read(counting.told("a", 1), counting.told("long", 1), counting.told("b", 1))
    assert [counting.numbers(counter) for counter in ("a", "long", "b")] == [[1], [], [1]]
    assert "Counted has 20 bytes, and MESSAGE_MAX_BYTES allows 17" in counting.errors()[0]
