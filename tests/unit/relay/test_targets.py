"""What a target is declared as is known from its name."""

from dataclasses import replace

import pytest

from infirmary_relay.broker.targets import LogLimits, arguments_of, as_it_is, is_log, log_names, logs_to_declare

LIMITS = LogLimits("30D", 1_000_000)


@pytest.mark.parametrize("target", log_names("patient", 64))
def test_every_part_of_a_log_is_a_stream_with_the_logs_limits(target: str) -> None:
    arguments = arguments_of(target, LIMITS)
    assert arguments == {"x-queue-type": "stream", "x-max-age": "30D", "x-max-length-bytes": 1_000_000}


@pytest.mark.parametrize("target", log_names("patient", 3))
def test_a_log_of_events_may_be_kept_for_less_and_in_smaller_pieces_than_commands(target: str) -> None:
    limits = replace(LIMITS, events_max_age="14D", segment_bytes=500_000)
    assert arguments_of(target, limits) == {
        "x-queue-type": "stream",
        "x-max-age": "14D",
        "x-max-length-bytes": 1_000_000,
        "x-stream-max-segment-size-bytes": 500_000,
    }
    assert arguments_of("patient.to.lab", limits) == {"x-queue-type": "stream", "x-max-age": "30D"}


@pytest.mark.parametrize("target", ["admission.to.ward", "admission.to.ward.63", "a.to.b-2", "a.to.events"])
def test_a_log_of_commands_is_a_stream_that_is_limited_by_age_only(target: str) -> None:
    assert arguments_of(target, LIMITS) == {"x-queue-type": "stream", "x-max-age": "30D"}


@pytest.mark.parametrize(
    "target",
    [
        "patient.nowhere", "patient.events.0", "patient.events.x", "patient.inbox", ".events", "events", "a.events\n",
        "ward.to.", "ward.to.lab.0", "ward.to.Lab", ".to.lab", "ward.to.lab.inbox",
    ],
)  # fmt: skip
def test_what_has_no_logs_name_is_not_declared(target: str) -> None:
    assert arguments_of(target, LIMITS) is None
    assert not is_log(target)


def test_what_a_service_has_noted_is_declared_beside_its_log_of_events() -> None:
    noted = ["ward.events", "ward.to.admission", "odd", "x" * 250 + ".events", "ward.to.lab.3"]
    assert logs_to_declare("ward", 2, noted) == ["ward.events", "ward.events.1", "ward.to.admission", "ward.to.lab.3"]


def test_a_log_that_is_not_split_has_one_name() -> None:
    assert log_names("patient", 1) == ["patient.events"]


WORDS = "PRECONDITION_FAILED - inequivalent arg '{}' for queue 'a.events' in vhost '/': received {} but current is {}"


@pytest.mark.parametrize(
    ("argument", "current", "adapted"),
    [
        ("x-max-age", "none", {"x-queue-type": "stream"}),
        ("x-max-age", "'7D'", {"x-queue-type": "stream", "x-max-age": "7D"}),
        ("x-max-age", "the value '7D' of type 'longstr'", {"x-queue-type": "stream", "x-max-age": "7D"}),
        ("x-bytes", "the value '5' of type 'long'", {"x-queue-type": "stream", "x-max-age": "1D", "x-bytes": 5}),
        ("x-on", "the value 'true' of type 'bool'", {"x-queue-type": "stream", "x-max-age": "1D", "x-on": True}),
    ],
)
def test_another_limit_is_taken_as_it_is(argument: str, current: str, adapted: dict[str, object]) -> None:
    declared = {"x-queue-type": "stream", "x-max-age": "1D"}
    assert as_it_is(declared, WORDS.format(argument, "'1D'", current)) == adapted


@pytest.mark.parametrize(
    "words",
    [
        WORDS.format("x-queue-type", "'stream'", "'quorum'"),
        WORDS.format("x-queue-type", "the value 'stream' of type 'longstr'", "none"),
        WORDS.format("durable", "'true'", "'false'"),
        WORDS.format("x-max-age", "'1D'", "'2D'")[:100],
        "PRECONDITION_FAILED - something else",
    ],
)
def test_another_kind_is_not(words: str) -> None:
    assert as_it_is({"x-queue-type": "stream", "x-max-age": "1D"}, words) is None
