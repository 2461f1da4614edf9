"""What a target is declared as is known from its name."""

import pytest

from relay.broker.targets import LogLimits, arguments_of, log_names

LIMITS = LogLimits("30D", 1_000_000)


@pytest.mark.parametrize("target", log_names("patient", 64))
def test_every_part_of_a_log_is_a_stream_with_the_logs_limits(target: str) -> None:
    arguments = arguments_of(target, LIMITS, 4)
    assert arguments == {"x-queue-type": "stream", "x-max-age": "30D", "x-max-length-bytes": 1_000_000}


def test_an_inbox_is_a_quorum_queue() -> None:
    assert (arguments_of("patient.inbox", LIMITS, 3) or {})["x-queue-type"] == "quorum"


@pytest.mark.parametrize("target", ["patient.nowhere", "patient.events.0", "patient.events.x", "patient.inbox.1"])
def test_a_name_that_tells_no_kind_is_not_declared(target: str) -> None:
    assert arguments_of(target, LIMITS, 4) is None


def test_a_log_that_is_not_split_has_one_name() -> None:
    assert log_names("patient", 1) == ["patient.events"]
