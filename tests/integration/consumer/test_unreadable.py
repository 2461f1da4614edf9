"""What cannot be read is parked, and disturbs nothing else."""

from dataclasses import replace

import pytest

from infirmary.identifiers import new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Add, Faults, TakeAway


def test_rubbish_in_a_log_of_events_is_parked_and_disturbs_nothing(counting: Counting) -> None:
    real = counting.told("a", 1)
    counting.read(counting.rubbish(), counting.rubbish(message_id="no uuid"), counting.told("a", 1, body=b"{}"), real)
    counting.retry_all(LOG)
    assert counting.numbers("a") == [1]
    states = [state for _, _, state in counting.held()]
    assert states[:2] == ["unreadable", "unreadable"]


def test_an_event_that_cannot_be_read_keeps_its_place(counting: Counting) -> None:
    counting.read(counting.told("a", 1, body=b"{}"), counting.told("a", 2))
    assert counting.held() == [("a", 1, "parked"), ("a", 2, "waits")]
    assert "Told.counter: Field required" in counting.errors()[0]


def test_rubbish_of_a_type_that_nobody_handles_does_not_use_up_a_sequence(counting: Counting) -> None:
    counting.read(counting.told("a", 1, type="SomethingElse", body=b"not json"), counting.told("a", 1))
    assert counting.numbers("a") == [1]


def test_an_event_of_a_type_that_nobody_handles_is_passed(counting: Counting) -> None:
    counting.read(counting.told("a", 1, type="SomethingElse", body=b"{}"), counting.told("a", 2))
    assert (counting.numbers("a"), counting.held()) == ([2], [])


def test_an_event_that_claims_another_source_or_has_no_sequence_is_parked(counting: Counting) -> None:
    nameless = counting.told("a", 1)
    del nameless.properties["application_headers"]["sequence"]
    counting.read(counting.told("a", 1, source="lab"), nameless, counting.told("a", 1))
    assert counting.numbers("a") == [1]
    assert ["must have source ward" in error for error in counting.errors()] == [True, True]


def test_a_body_that_is_longer_than_allowed_is_parked_with_its_place(counting: Counting) -> None:
    body = b'{"counter": "a", "number": 1, "more": "' + b"x" * 1_048_576 + b'"}'
    counting.read(counting.told("a", 1, body=body), counting.told("a", 2), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert counting.held() == [("a", 1, "parked"), ("a", 2, "waits")]
    assert "MESSAGE_MAX_BYTES (1048576)" in counting.errors()[0]
    huge = b'"' + b"x" * 9_000_000 + b'"'
    counting.read(counting.told("c", 1, body=huge))
    counting.retry_all(LOG)
    (held,) = [each for each in counting.parked().everything() if each.subject == "c"]
    assert len(held.body) == 8 * 1024 * 1024
    assert "only the first 8388608" in str(held.error)


def test_rubbish_in_a_log_of_commands_is_parked_once_however_often_it_comes(counting: Counting) -> None:
    rubbish, saga_id = counting.rubbish(message_id="no uuid"), new_id()
    counting.take(rubbish, counting.asked(Add, saga_id, 5))
    counting.take(rubbish)
    assert counting.held() == [(None, None, "unreadable")]
    assert counting.numbers(saga_id) == [5]


def test_a_command_that_cannot_be_read_keeps_no_other_of_its_saga_waiting(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5, body=b"{}"), counting.asked(Add, saga_id, 5))
    counting.take(counting.asked(TakeAway, saga_id, 5))
    assert counting.numbers(saga_id) == [5, -5]
    counting.retry_all(COMMANDS)
    assert counting.held() == [(str(saga_id), 1, "parked")]


def test_a_command_that_came_early_and_cannot_be_read_is_kept_when_it_comes_again(counting: Counting) -> None:
    saga_id = new_id()
    first, unreadable = counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, body=b"{}")
    counting.take(unreadable)
    assert counting.held() == [(str(saga_id), 2, "waits")]
    counting.take(first, unreadable)
    counting.retry_all(COMMANDS)
    assert counting.held() == [(str(saga_id), 2, "parked")]


def test_a_command_that_nobody_handles_or_from_a_stranger_is_parked_and_passed(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 5, type="FlyToTheMoon"), counting.asked(Add, saga_id, 7))
    counting.take(replace(counting.asked(Add, new_id(), 5, source="lab")))
    assert counting.numbers(saga_id) == [7]
    assert "handles no FlyToTheMoon" in counting.errors()[0]
    assert "must have source admission" in counting.errors()[1]


def test_a_command_whose_reply_would_go_to_a_stranger_is_parked(counting: Counting) -> None:
    strange = counting.asked(Add, new_id(), 5)
    body = strange.body.replace(b'"reply_to":"admission"', b'"reply_to":"a\\u0000b"')
    assert body != strange.body
    saga_id = new_id()
    counting.take(replace(strange, body=body), counting.asked(Add, saga_id, 7))
    assert "Add.reply_to" in counting.errors()[0]
    assert (counting.numbers(saga_id), len(counting.replies())) == ([7], 1)


def test_a_compensation_that_cannot_be_read_leaves_its_parked_command_where_it_is(
    counting: Counting, faults: Faults
) -> None:
    saga_id = new_id()
    faults.breaks(saga_id)
    counting.take(counting.asked(Add, saga_id, 5))
    body = b'{"step": "step.compensation"}'
    counting.take(counting.asked(TakeAway, saga_id, 5, body=body))
    assert counting.held() == [(str(saga_id), 1, "parked"), (str(saga_id), 2, "parked")]
    counting.take(counting.asked(TakeAway, saga_id, 5, attempt=2))
    assert counting.replies() == [("step.compensation", 2, "done")]


@pytest.mark.parametrize("fails_once", [False, True])
def test_what_can_be_read_after_all_is_applied_although_it_was_passed(
    counting: Counting, faults: Faults, fails_once: bool
) -> None:
    saga_id = new_id()
    limit = counting.settings.message_max_bytes
    counting.settings = counting.settings.model_copy(update={"message_max_bytes": 200})
    counting.dispatcher = counting.make_dispatcher()
    counting.end_reader(counting.store)
    counting.take_over()
    long = counting.asked(Add, saga_id, 5)
    long = replace(long, body=long.body[:-1] + b', "more": "' + b"x" * 300 + b'"}')
    counting.take(long, counting.asked(Add, saga_id, 7, step="next"))
    assert counting.numbers(saga_id) == [7]
    counting.settings = counting.settings.model_copy(update={"message_max_bytes": limit})
    counting.dispatcher = counting.make_dispatcher()
    counting.end_reader(counting.store)
    counting.take_over()
    if fails_once:
        faults.breaks(saga_id)
        counting.retry_all(COMMANDS)
        assert counting.numbers(saga_id) == [7]
        faults.broken.clear()
    counting.retry_all(COMMANDS)
    assert (counting.numbers(saga_id), counting.held()) == ([7, 5], [])
    assert counting.replies() == [("next", 1, "done"), ("step", 1, "done")]
