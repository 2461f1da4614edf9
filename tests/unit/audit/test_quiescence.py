"""A hospital is at rest when nothing is left of a list of things that can be under way."""

from uuid import uuid4

import pytest

from audit.facts import DatabaseState, HeldMessage, LogMessage, SagaFact
from audit.quiescence import Look, still_open

LOG = {"ward": [LogMessage(0, uuid4(), "ward", "BedReserved", "a", 1)]}
REPLIES = {"ward.to.admission": [LogMessage(0, uuid4(), "ward", "Reply", "b", 1)]}


def test_a_log_may_hold_more_of_old_sagas_than_their_writer_remembers() -> None:
    assert still_open(Look({}, {"ward.to.admission": 0}, REPLIES)) == []


def test_a_hospital_at_rest_has_nothing_open() -> None:
    finished = [SagaFact(uuid4(), "admission", "parked", "no success for a day", {})]
    databases = {
        "ward": DatabaseState(),
        "chart": DatabaseState(readers={"ward.events": 0}),
        "admission": DatabaseState(sagas=finished),
    }
    assert still_open(Look(databases, {"ward": 1}, LOG)) == []


def test_an_empty_log_needs_no_reading() -> None:
    assert still_open(Look({"chart": DatabaseState(readers={"lab.events": None})}, {"lab": 0}, {"lab": []})) == []


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (Look({"ward": DatabaseState(outbox=2)}, {}, {}), "ward: 2 messages in its outbox"),
        (
            Look({"ward": DatabaseState(held=[HeldMessage("x", "a", "T", None)])}, {}, {}),
            "ward: 1 messages parked or waiting: waiting for the one before",
        ),
        (
            Look({"chart": DatabaseState(readers={"ward.events": None})}, {}, LOG),
            "chart: has read ward.events up to None, it ends at 0",
        ),
        (
            Look({"admission": DatabaseState(readers={"ward.to.admission": None})}, {}, REPLIES),
            "admission: has read ward.to.admission up to None, it ends at 0",
        ),
        (Look({}, {"ward": 3}, LOG), "2 messages are not in ward.events yet"),
        (Look({}, {"ward.to.admission": 2}, REPLIES), "1 messages are not in ward.to.admission yet"),
        (Look({}, {}, {}, away=["the broker is away"]), "the broker is away"),
    ],
)
def test_what_is_under_way_is_named(look: Look, expected: str) -> None:
    assert still_open(look) == [expected]


def test_a_saga_under_way_is_named_with_its_steps() -> None:
    saga = SagaFact(uuid4(), "admission", "compensating", "hold", {"bed": "compensating"})
    assert still_open(Look({"admission": DatabaseState(sagas=[saga])}, {}, {})) == [
        f"admission: 1 sagas under way, for example {saga.saga_id}: {{'bed': 'compensating'}}"
    ]
