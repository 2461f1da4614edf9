"""Commands: applied once per saga step, answered at every attempt, undone in any order."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from infirmary.identifiers import least_id_of, new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, UNLUCKY, Add, Faults, TakeAway


def test_a_command_is_applied_and_answered_to_the_saga(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5))
    assert counting.numbers(saga_id) == [5]
    assert counting.replies() == [("step", 1, "done")]
    (reply,) = [row for row in counting.outbox() if row.type == "Reply"]
    assert (reply.target, reply.subject, reply.sequence) == ("notification.to.admission", str(saga_id), 1)
    assert counting.store.positions.read(COMMANDS).last_offset == 0


def test_a_command_that_comes_twice_is_applied_and_answered_once(counting: Counting) -> None:
    saga_id = new_id()
    delivery = counting.asked(Add, saga_id, 5)
    counting.take(delivery, delivery)
    counting.take(delivery)
    assert (counting.numbers(saga_id), counting.replies()) == ([5], [("step", 1, "done")])


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("number", "outcome"), [(5, "done"), (UNLUCKY, "refused")])
def test_every_attempt_gets_the_first_answer_and_replies_are_numbered_without_gap(
    counting: Counting, number: int, outcome: str, together: bool
) -> None:
    saga_id = new_id()
    attempts = [counting.asked(Add, saga_id, number, attempt=attempt) for attempt in (1, 2, 3)]
    for batch in [attempts] if together else [[each] for each in attempts]:
        counting.take(*batch)
    assert counting.numbers(saga_id) == ([5] if outcome == "done" else [])
    assert counting.replies() == [("step", attempt, outcome) for attempt in (1, 2, 3)]
    assert [row.sequence for row in counting.outbox() if row.type == "Reply"] == [1, 2, 3]


def test_steps_of_a_saga_are_answered_each_and_their_replies_counted_together(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5, step="one"), counting.asked(Add, saga_id, UNLUCKY, step="two"))
    counting.take(counting.asked(Add, saga_id, 7, step="three"), counting.asked(TakeAway, saga_id, 5, step="one"))
    assert counting.numbers(saga_id) == [5, 7, -5]
    assert counting.replies() == [
        ("one", 1, "done"),
        ("two", 1, "refused"),
        ("three", 1, "done"),
        ("one.compensation", 1, "done"),
    ]
    assert [row.sequence for row in counting.outbox() if row.type == "Reply"] == [1, 2, 3, 4]


def test_a_step_is_answered_once_whatever_the_subjects_of_its_messages(counting: Counting) -> None:
    saga_id = new_id()
    attempts = [counting.asked(Add, saga_id, 5, attempt=number) for number in (1, 2)]
    for attempt, subject in zip(attempts, ("no saga", str(new_id())), strict=True):
        attempt.properties["application_headers"] |= {"subject": subject, "sequence": 1}
    counting.take(*attempts)
    assert counting.numbers(saga_id) == [5]
    assert counting.replies() == [("step", 1, "done"), ("step", 2, "done")]


def test_a_compensation_undoes_its_step_once_and_is_tried_until_it_succeeds(counting: Counting) -> None:
    saga_id = new_id()
    action, refused = counting.asked(Add, saga_id, 5), counting.asked(TakeAway, saga_id, UNLUCKY)
    counting.take(action, refused, refused)
    counting.take(counting.asked(TakeAway, saga_id, 5, attempt=2), counting.asked(TakeAway, saga_id, 5, attempt=3))
    assert counting.numbers(saga_id) == [5, -5]
    assert [outcome for _, _, outcome in counting.replies()] == ["done", "refused", "done", "done"]


def test_a_compensation_of_what_never_happened_changes_nothing_and_the_late_command_is_refused(
    counting: Counting,
) -> None:
    saga_id = new_id()
    counting.take(counting.asked(TakeAway, saga_id, 5))
    counting.take(counting.asked(Add, saga_id, 5))
    assert counting.numbers(saga_id) == []
    assert counting.replies() == [("step.compensation", 1, "done"), ("step", 1, "refused")]


def test_commands_of_a_saga_are_applied_in_their_order(counting: Counting) -> None:
    saga_id = new_id()
    action, undo = counting.asked(Add, saga_id, 5), counting.asked(TakeAway, saga_id, 5)
    counting.take(undo)
    assert counting.held() == [(str(saga_id), 2, "waits")]
    counting.take(action)
    counting.retry_all(COMMANDS)
    assert counting.numbers(saga_id) == [5, -5]


def test_commands_that_come_together_are_answered_as_one_after_the_other(counting: Counting, faults: Faults) -> None:
    plain, repeated, undone, refused, broken, unreadable, known = (new_id() for _ in range(7))
    faults.breaks(broken)
    counting.take(counting.asked(Add, known, 1))
    batch = [
        counting.asked(Add, plain, 2),
        counting.asked(Add, repeated, 3),
        counting.asked(TakeAway, undone, 4),
        counting.asked(Add, refused, UNLUCKY),
        counting.asked(Add, broken, 5),
        replace(counting.asked(Add, unreadable, 6), body=b"{}"),
        counting.asked(Add, known, 1, attempt=2),
        counting.asked(Add, undone, 4),
        counting.asked(Add, repeated, 3, attempt=2),
        counting.asked(TakeAway, plain, 2),
    ]
    counting.take(*batch)
    counting.take(*batch)
    told = [counting.numbers(saga_id) for saga_id in (plain, repeated, undone, refused, broken, known)]
    assert told == [[2, -2], [3], [], [], [], [1]]
    assert {saga_id: counting.replies(saga_id) for saga_id in (plain, repeated, undone, refused, broken, known)} == {
        plain: [("step", 1, "done"), ("step.compensation", 1, "done")],
        repeated: [("step", 1, "done"), ("step", 2, "done")],
        undone: [("step.compensation", 1, "done"), ("step", 1, "refused")],
        refused: [("step", 1, "refused")],
        broken: [],
        known: [("step", 1, "done"), ("step", 2, "done")],
    }
    assert {subject for subject, _, _ in counting.held()} == {str(broken), str(unreadable)}


def test_a_saga_older_than_its_log_may_be_met_in_its_middle(counting: Counting) -> None:
    old = least_id_of(time.time() - (counting.settings.saga_sequence_days + 1) * 86_400)
    counting.asked(Add, old, 3)
    counting.take(counting.asked(Add, old, 5))
    assert (counting.numbers(old), counting.held()) == ([5], [])


def test_a_log_of_commands_that_has_lost_messages_lets_every_saga_go_on(counting: Counting) -> None:
    known, young = new_id(), new_id()
    counting.take(counting.asked(Add, known, 1))
    for saga_id in (known, young):
        counting.asked(Add, saga_id, 2, step="lost")
    counting.store.positions.forget_subjects(COMMANDS)
    counting.positions[COMMANDS] = counting.positions[COMMANDS].begun_at(50, datetime.now(UTC))
    assert counting.sequences() == {}
    counting.take(counting.asked(Add, known, 3, step="next"), counting.asked(Add, young, 3, step="next"))
    assert (counting.numbers(known), counting.numbers(young), counting.held()) == ([1, 3], [3], [])
    counting.take(counting.asked(Add, known, 4, step="last"))
    assert counting.replies(known) == [(step, 1, "done") for step in ("step", "next", "last")]


def test_the_sequences_of_sagas_that_are_long_over_are_forgotten_and_no_others(counting: Counting) -> None:
    days = counting.settings.saga_sequence_days
    old, young = (least_id_of(time.time() - age_days * 86_400) for age_days in (days + 1, days - 1))
    counting.take(counting.asked(Add, old, 3), counting.asked(Add, young, 5))
    counting.read(counting.told(str(old), 1))
    assert counting.store.forget_old([COMMANDS, "ward.events"], 1)["log_sequence"] == 1
    assert counting.sequences() == {(COMMANDS, str(young)): 1, ("ward", str(old)): 1}
    assert counting.store.forget_old([COMMANDS, "ward.events"], 1)["log_sequence"] == 0
    counting.take(counting.asked(Add, old, 3, attempt=2))
    assert counting.numbers(old) == [3, 1], "a message that comes so late is answered as before"
    assert counting.replies(old) == [("step", 1, "done"), ("step", 2, "done")]


def test_a_saga_of_which_something_is_held_is_not_forgotten(counting: Counting, faults: Faults) -> None:
    old = least_id_of(time.time() - (counting.settings.saga_sequence_days + 1) * 86_400)
    counting.take(counting.asked(Add, old, 1))
    faults.breaks(old)
    counting.take(counting.asked(Add, old, 2, step="second"), counting.asked(Add, old, 3, step="third"))
    assert counting.store.forget_old([COMMANDS], 10)["log_sequence"] == 0
    faults.broken.clear()
    counting.retry_all(COMMANDS)
    assert (counting.numbers(old), counting.held()) == ([1, 2, 3], [])
    assert counting.store.forget_old([COMMANDS], 10)["log_sequence"] == 1


def test_a_batch_that_is_done_again_one_by_one_is_counted_once(counting: Counting, faults: Faults) -> None:
    def applied() -> float:
        return REGISTRY.get_sample_value("infirmary_messages_applied_total", {"channel": COMMANDS, "type": "Add"}) or 0

    before, broken = applied(), new_id()
    faults.breaks(broken)
    counting.take(counting.asked(Add, new_id(), 5), counting.asked(Add, broken, 5), counting.asked(Add, new_id(), 5))
    assert applied() - before == 2
