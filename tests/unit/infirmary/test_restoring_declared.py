"""What makes a service's state again is checked where it is declared: at a restore it is too late for that."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from infirmary import registry
from infirmary.declaring.declaration import Misdeclared
from infirmary.messages import Command, Event, publishes, reads, sends
from infirmary.restoring.declaration import Restoring, said_at
from infirmary.saga.definition import Saga, Step
from infirmary.tracing.causation import causation_of
from infirmary.transport.message_writer import MessageWriter
from services.patient.messages import PatientErased, PatientErasureCompleted


@publishes(subject="order_id")
class OrderPlaced(Event):
    order_id: UUID
    lines: int


@publishes(subject="order_id")
class OrderSeen(Event):
    order_id: UUID


@publishes(subject="order_id")
class OrderShipped(Event):
    order_id: UUID
    saga_id: UUID | None = None


@publishes(subject="order_id")
class OrderKept(Event):
    order_id: UUID
    reason: str


@publishes(subject="code")
class PriceSet(Event):
    code: str
    lines: int
    order_id: UUID
    reason: str


@reads("stock")
class Reserved(Event):
    order_id: UUID


@sends("stock")
class Pack(Command):
    order_id: UUID


@sends("stock")
class Unpack(Command):
    order_id: UUID


class Shipping(BaseModel):
    order_id: UUID
    lines: int


def shipping() -> Saga[Shipping]:
    return Saga("shipping", Shipping, Step("packing", Pack, compensation=Unpack, pivot=True))


def placed(event: OrderPlaced, tx: Any) -> None:
    pass


def anything(event: Event, tx: Any) -> None:
    pass


@pytest.fixture
def restoring() -> Restoring:
    return Restoring("orders")


def test_what_fits_is_registered(restoring: Restoring) -> None:
    restoring.of(OrderPlaced)(placed)
    restoring.of(OrderShipped, OrderKept)(anything)
    restoring.changes_nothing(OrderSeen, because="nobody keeps who has looked")
    assert restoring.events["OrderPlaced"] == (OrderPlaced, placed)
    assert restoring.events["OrderShipped"] == (OrderShipped, anything)
    assert restoring.events["OrderKept"] == (OrderKept, anything)
    assert restoring.unchanging == {"OrderSeen": "nobody keeps who has looked"}


def test_one_function_restores_from_an_event(restoring: Restoring) -> None:
    restoring.of(OrderPlaced)(placed)
    with pytest.raises(Misdeclared, match=r"OrderPlaced is restored by \S+placed; one is enough"):
        restoring.of(OrderPlaced)(anything)
    with pytest.raises(Misdeclared, match=r"OrderPlaced is restored by \S+placed; one is enough"):
        restoring.changes_nothing(OrderPlaced, because="it was a mistake")
    restoring.changes_nothing(OrderSeen, because="nobody keeps who has looked")
    with pytest.raises(Misdeclared, match="OrderSeen is said to change nothing; take that back, or the function"):
        restoring.of(OrderSeen)(anything)


@pytest.mark.parametrize("kind", [Reserved, Pack, "OrderPlaced"])
def test_state_is_made_from_what_the_service_publishes_alone(restoring: Restoring, kind: Any) -> None:
    with pytest.raises(Misdeclared):
        restoring.of(kind)
    with pytest.raises(Misdeclared):
        restoring.changes_nothing(kind, because="it is not ours")


def test_another_service_s_event_is_refused_although_that_one_publishes_it() -> None:
    from services.ward.messages import BedReserved

    with pytest.raises(Misdeclared, match=r"BedReserved is ward's, and lab makes its state from its own events"):
        Restoring("lab").of(BedReserved)


def test_no_event_and_no_reason_are_slips_of_the_pen(restoring: Restoring) -> None:
    with pytest.raises(Misdeclared, match=r"of\(\) names no event"):
        restoring.of()
    with pytest.raises(Misdeclared, match="say because of what"):
        restoring.changes_nothing(OrderSeen, because="")


def takes_too_much(event: OrderPlaced, tx: Any, more: str) -> None:
    pass


def takes_another(event: OrderKept, tx: Any) -> None:
    pass


def returns_something(event: OrderPlaced, tx: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (takes_too_much, r"takes_too_much takes \(event, tx, more\); it is called with \(OrderPlaced, tx\)"),
        (takes_another, "takes_another takes a OrderKept, and is registered for OrderPlaced"),
        (returns_something, "returns_something returns bool; it should return None"),
    ],
)
def test_a_function_takes_the_event_and_the_transaction(restoring: Restoring, function: Any, complaint: str) -> None:
    with pytest.raises(Misdeclared, match=complaint):
        restoring.of(OrderPlaced)(function)


def test_a_function_is_registered_with_its_own_service(restoring: Restoring) -> None:
    def elsewhere(event: OrderPlaced, tx: Any) -> None:
        raise NotImplementedError

    elsewhere.__module__ = "services.ward.restoring"
    with pytest.raises(Misdeclared, match=r"elsewhere is ward's, and is registered with orders; write ward there"):
        restoring.of(OrderPlaced)(elsewhere)


def test_a_saga_says_by_which_events_it_is_known(restoring: Restoring) -> None:
    saga = shipping()
    restoring.saga(saga, begins=OrderPlaced, completes=OrderShipped, fails=OrderKept)
    assert restoring.sagas["shipping"].events() == (OrderPlaced, OrderShipped, OrderKept)
    restoring.of(OrderPlaced)(placed)  # which may change state besides
    with pytest.raises(Misdeclared, match="saga shipping: orders says twice which events tell of it"):
        restoring.saga(saga, begins=OrderPlaced, completes=OrderShipped, fails=OrderKept)


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ({"begins": OrderShipped}, r"OrderShipped tells that it has begun, and lacks lines as Shipping has it; add it"),
        ({"fails": OrderShipped}, r"OrderShipped has no field reason; add it"),
        ({"begins": PriceSet}, r"PriceSet.code should be the UUID of the saga; add a field saga_id that is"),
        ({"completes": Reserved}, "Reserved is declared by @reads"),
    ],
)
def test_events_hold_what_a_saga_is_made_of_again(
    restoring: Restoring, events: dict[str, type[Event]], complaint: str
) -> None:
    told: dict[str, Any] = {"begins": OrderPlaced, "completes": OrderShipped, "fails": OrderKept, **events}
    with pytest.raises(Misdeclared, match=complaint):
        restoring.saga(shipping(), **told)
    assert not restoring.sagas


def test_a_saga_that_can_fail_says_how_that_is_told(restoring: Restoring) -> None:
    with pytest.raises(Misdeclared, match="saga shipping: it can fail; say which event tells that it has"):
        restoring.saga(shipping(), begins=OrderPlaced, completes=OrderShipped)


def test_a_saga_that_tries_each_step_until_it_succeeds_has_no_event_that_tells_of_a_failure() -> None:
    restoring = registry.room("patient", "restoring").restoring
    assert restoring.sagas["erasure"].events() == (PatientErased, PatientErasureCompleted)


def test_what_an_event_does_to_the_state_is_known_or_not(restoring: Restoring) -> None:
    restoring.of(OrderPlaced)(placed)
    restoring.changes_nothing(OrderSeen, because="nobody keeps who has looked")
    assert restoring.knows(OrderPlaced)
    assert restoring.knows(OrderSeen)
    assert not restoring.knows(OrderShipped)
    restoring.saga(shipping(), begins=OrderPlaced, completes=OrderShipped, fails=OrderKept)
    assert restoring.knows(OrderShipped)


def test_a_change_has_the_time_at_which_its_event_was_said() -> None:
    tx = MessageWriter("orders", causation_of(None, None, None))
    tx.written_at = "2026-11-26T13:00:01.000005+01:00"
    assert said_at(tx) == datetime(2026, 11, 26, 12, 0, 1, 5, UTC)
    tx.written_at = "yesterday"
    with pytest.raises(ValueError, match="the time of the event is none: 'yesterday'"):
        said_at(tx)
