"""An operator may limit an inbox, and may not make something else of it."""

import pytest

from services.chassis.consumer.inbox_queue import arguments_of, taken_over
from services.chassis.consumer.ownership import marker, owned_by_another

ARGUMENTS = arguments_of({"version": "4.1.5"})
DIFFERS = (
    "PRECONDITION_FAILED - inequivalent arg '{}' for queue 'ward.inbox' in vhost '/': received {} but current is {}"
)


def test_only_a_broker_that_drops_messages_is_asked_not_to() -> None:
    assert arguments_of({"version": "3.13.7"}) | {"x-delivery-limit": -1} == ARGUMENTS


@pytest.mark.parametrize(
    ("name", "received", "current", "expected"),
    [
        ("x-max-length", "none", "the value '5' of type 'signedint'", {"x-max-length": 5}),
        ("x-overflow", "none", "the value 'reject-publish' of type 'longstr'", {"x-overflow": "reject-publish"}),
        (
            "x-delivery-limit",
            "the value '-1' of type 'signedint'",
            "the value '7' of type 'long'",
            {"x-delivery-limit": 7},
        ),
    ],
)
def test_a_limit_is_taken_over(name: str, received: str, current: str, expected: dict[str, object]) -> None:
    assert taken_over(ARGUMENTS, DIFFERS.format(name, received, current)) == ARGUMENTS | expected


def test_a_limit_that_the_queue_does_not_have_is_left_out() -> None:
    told = DIFFERS.format("x-delivery-limit", "the value '-1' of type 'signedint'", "none")
    assert taken_over(ARGUMENTS, told) == arguments_of({"version": "3.13.7"})


@pytest.mark.parametrize(
    ("name", "received", "current"),
    [
        ("x-queue-type", "'quorum'", "'stream'"),
        ("x-single-active-consumer", "the value 'true' of type 'bool'", "none"),
        ("durable", "'true'", "'false'"),
    ],
)
def test_what_makes_it_an_inbox_is_not_given_up(name: str, received: str, current: str) -> None:
    assert taken_over(ARGUMENTS, DIFFERS.format(name, received, current)) is None


def test_whatever_else_the_broker_says_is_no_limit() -> None:
    assert taken_over(ARGUMENTS, "NOT_FOUND - no queue 'ward.inbox' in vhost '/'") is None


@pytest.mark.parametrize("current", ["'ward.owner.7.16384'", "the value 'ward.owner.7.16384' of type 'longstr'"])
def test_an_operator_is_told_both_databases_and_what_to_do(current: str) -> None:
    name, _ = marker("ward", "8.16385")
    told = DIFFERS.format("alternate-exchange", "'ward.owner.8.16385'", current)
    said = str(owned_by_another("ward", "8.16385", told))
    assert name == "ward.owner"
    assert all(each in said for each in ("another ward", "7.16384", "8.16385", "python -m services ward claim --yes"))
