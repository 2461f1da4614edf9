"""What is told in a sampled trace: each message that was applied, once, with the messages that it led to."""

from dataclasses import replace
from typing import Final

import pytest

from infirmary.consumer.delivery import Delivery
from infirmary.identifiers import new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Add, Faults

SAMPLED: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def asked(counting: Counting) -> Delivery:
    """Returns a command of a sampled trace."""
    return counting.asked(Add, new_id(), 5, traceparent=SAMPLED)


@pytest.mark.parametrize("together", [1, 3])
def test_commands_are_told_with_the_messages_that_they_led_to(counting: Counting, together: int) -> None:
    counting.take(*(asked(counting) for _ in range(together)))
    told = counting.spans.taken()
    processed = [span for span in told if span.kind == "consumer"]
    assert [span.name for span in processed] == [f"process {COMMANDS}"] * together
    created = [(span.name, span.parent) for span in told if span.kind == "producer"]
    assert sorted(created) == sorted(
        (f"create {target}", span.traceparent)
        for span in processed
        for target in ("notification.to.admission", "notification.events")
    )


def test_a_command_that_comes_again_is_told_once_and_another_attempt_only_with_its_reply(counting: Counting) -> None:
    saga_id = new_id()
    first, second = (counting.asked(Add, saga_id, 5, attempt=number, traceparent=SAMPLED) for number in (1, 2))
    counting.take(first)
    counting.spans.clear()
    counting.take(replace(first, tag=2))
    told = counting.spans.taken()
    assert told == []
    counting.take(second)
    told = counting.spans.taken()
    assert [span.name for span in told] == [f"process {COMMANDS}", "create notification.to.admission"]


def test_an_event_is_told_and_one_that_fails_is_told_with_its_error_only(counting: Counting, faults: Faults) -> None:
    faults.breaks("b")
    counting.read(*(counting.told(counter, 1, traceparent=SAMPLED) for counter in "abc"))
    told = counting.spans.taken()
    failed = [span.name for span in told if span.error is not None]
    assert failed == [f"process {LOG}"]
    assert len(told) == 5
