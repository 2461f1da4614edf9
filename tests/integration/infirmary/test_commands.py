"""Commands: applied once per saga step, answered at every attempt, undone in any order."""

import json
import time
from dataclasses import replace

from prometheus_client import REGISTRY

from infirmary.identifiers import least_id_of, new_id
from tests.integration.infirmary.conftest import COMMANDS, Add, Counting, Faults, TakeAway


def replies(counting: Counting) -> list[tuple[str, int, str]]:
    """Returns (step, attempt, outcome) of the replies written so far."""
    bodies = [json.loads(body) for (body,) in counting.rows("SELECT body FROM outbox WHERE type = 'Reply' ORDER BY id")]
    return [(body["step"], body["attempt"], body["outcome"]) for body in bodies]


def test_a_command_is_applied_and_answered_to_the_saga(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5))
    assert counting.numbers(saga_id) == [5]
    assert replies(counting) == [("step", 1, "done")]
    assert counting.rows("SELECT target, subject, sequence FROM outbox") == [("counting.to.admission", str(saga_id), 1)]


def test_a_message_that_is_delivered_twice_is_applied_and_answered_once(counting: Counting) -> None:
    delivery = counting.asked(Add, new_id(), 5)
    counting.take(delivery, delivery)
    counting.take(delivery)
    assert len(counting.rows("SELECT FROM told")) == 1
    assert len(replies(counting)) == 1


def test_every_attempt_gets_the_first_answer(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2))
    refused = new_id()
    counting.take(counting.asked(Add, refused, 13), counting.asked(Add, refused, 13, attempt=2))
    assert counting.numbers(saga_id) == [5]
    assert replies(counting) == [
        ("step", 1, "done"),
        ("step", 2, "done"),
        ("step", 1, "refused"),
        ("step", 2, "refused"),
    ]


def test_a_step_is_answered_once_whatever_the_subjects_of_its_messages(counting: Counting) -> None:
    saga_id = new_id()
    attempts = [counting.asked(Add, saga_id, 5, attempt=number) for number in (1, 2)]
    for attempt, subject in zip(attempts, ("no saga", str(new_id())), strict=True):
        attempt.properties["application_headers"] |= {"subject": subject, "sequence": 1}
    counting.take(*attempts)
    assert counting.numbers(saga_id) == [5]
    assert replies(counting) == [("step", 1, "done"), ("step", 2, "done")]


def test_a_compensation_undoes_its_step_once(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5))
    counting.take(
        counting.asked(TakeAway, saga_id, 5, undo=True), counting.asked(TakeAway, saga_id, 5, undo=True, attempt=2)
    )
    assert counting.numbers(saga_id) == [5, -5]


def test_a_compensation_of_what_never_happened_changes_nothing_and_the_late_command_is_refused(
    counting: Counting,
) -> None:
    saga_id = new_id()
    counting.take(counting.asked(TakeAway, saga_id, 5, undo=True))
    counting.take(counting.asked(Add, saga_id, 5))
    assert counting.numbers(saga_id) == []
    assert replies(counting) == [("step.compensation", 1, "done"), ("step", 1, "refused")]


def test_a_compensation_overtakes_its_own_parked_command_and_closes_it(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2))
    assert len(counting.held()) == 2
    counting.take(counting.asked(TakeAway, saga_id, 5, undo=True))
    assert counting.held() == []
    assert replies(counting) == [("step.compensation", 1, "done")]


def test_a_compensation_waits_for_a_command_that_has_not_come_yet(counting: Counting) -> None:
    saga_id = new_id()
    late = counting.asked(Add, saga_id, 5)
    counting.take(counting.asked(TakeAway, saga_id, 5, undo=True))
    assert replies(counting) == []
    counting.take(late)
    assert counting.retry_now(COMMANDS)
    assert counting.numbers(saga_id) == [5, -5]


def test_a_compensation_that_fails_as_well_leaves_its_command_parked(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 5))
    undo = counting.asked(TakeAway, saga_id, 5, undo=True)
    counting.database.execute("ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (false)")
    counting.take(undo)
    assert len(counting.held()) == 2
    counting.database.execute("ALTER TABLE outbox DROP CONSTRAINT full_up")
    faults.broken.clear()
    assert counting.retry_now(COMMANDS)
    assert counting.numbers(saga_id) in ([5, -5], [])


def test_commands_of_a_saga_are_applied_in_their_order(counting: Counting) -> None:
    saga_id = new_id()
    action, undo = counting.asked(Add, saga_id, 5), counting.asked(TakeAway, saga_id, 5, undo=True)
    counting.take(undo, action)
    assert counting.retry_now(COMMANDS)
    assert counting.numbers(saga_id) == [5, -5]


def test_a_saga_older_than_its_log_may_be_met_in_its_middle(counting: Counting) -> None:
    old = least_id_of(time.time() - 31 * 86_400)
    counting.asked(Add, old, 3)
    counting.take(counting.asked(Add, old, 5))
    assert counting.numbers(old) == [5]


def test_a_batch_that_is_done_again_one_by_one_is_counted_once(counting: Counting, faults: Faults) -> None:
    def applied() -> float:
        return REGISTRY.get_sample_value("infirmary_messages_applied_total", {"channel": COMMANDS, "type": "Add"}) or 0

    before, broken = applied(), new_id()
    faults.broken.add(str(broken))
    counting.take(counting.asked(Add, new_id(), 5), counting.asked(Add, broken, 5), counting.asked(Add, new_id(), 5))
    assert applied() - before == 2


def test_a_parked_command_is_applied_when_the_fault_is_gone(counting: Counting, faults: Faults) -> None:
    saga_id, other = new_id(), new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, other, 7))
    assert counting.numbers(other) == [7]
    faults.broken.clear()
    assert counting.retry_now(COMMANDS)
    assert counting.numbers(saga_id) == [5]
    assert counting.held() == []


def test_rubbish_in_the_queue_is_parked_once_however_often_it_comes(counting: Counting) -> None:
    rubbish = counting.rubbish(message_id="no uuid")
    counting.take(rubbish, counting.asked(Add, new_id(), 5))
    counting.take(rubbish)
    assert len(counting.held()) == 1
    assert len(counting.rows("SELECT FROM told")) == 1


def test_a_command_that_nobody_handles_is_parked(counting: Counting) -> None:
    strange = counting.asked(Add, new_id(), 5)
    strange.properties["type"] = "FlyToTheMoon"
    counting.take(strange)
    assert "handles no FlyToTheMoon" in counting.held()[0][2]


def test_a_command_whose_reply_would_go_to_a_stranger_is_parked(counting: Counting) -> None:
    strange = counting.asked(Add, new_id(), 5)
    body = strange.body.replace(b'"reply_to":"admission"', b'"reply_to":"a\\u0000b"')
    assert body != strange.body
    counting.take(replace(strange, body=body), counting.asked(Add, new_id(), 7))
    assert "Add.reply_to" in counting.held()[0][2]
    assert len(counting.rows("SELECT FROM told")) == 1
    assert len(replies(counting)) == 1


def test_a_message_that_cannot_be_read_keeps_no_other_of_its_saga_waiting(counting: Counting) -> None:
    saga_id = new_id()
    unreadable = replace(counting.asked(Add, saga_id, 5), body=b"{}")
    counting.take(unreadable, counting.asked(Add, saga_id, 5))
    counting.take(counting.asked(TakeAway, saga_id, 5, undo=True))
    assert counting.numbers(saga_id) == [5, -5]
    assert not counting.retry_now(COMMANDS)
    assert len(counting.held()) == 1


def test_what_the_outbox_does_not_take_parks_its_cause_only(counting: Counting) -> None:
    counting.database.execute("ALTER TABLE outbox ADD CHECK (position('forbidden' IN subject) = 0)")
    counting.read(counting.told("forbidden", 1), counting.told("a", 1))
    assert counting.numbers("a") == [1]
    assert counting.rows("SELECT subject FROM outbox") == [("a",)]
    assert [subject for subject, _, _ in counting.held()] == ["forbidden"]
