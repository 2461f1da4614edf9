"""What may happen to stock, for every history of prescriptions, dispensings, deliveries and stocktakes."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.handlers import Refused
from services.inventory import model
from services.inventory.messages import (
    StockCounted,
    StockDispensed,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
)
from services.inventory.model import Decision, Reservation, Stock

PATIENT = UUID(int=1)
STOCK = Stock("PARA-500", "Paracetamol", Decimal("2.5"), on_hand=30, reserved=0)


def wanted(quantity: int = 4, number: int = 1) -> Reservation:
    return Reservation(UUID(int=number), PATIENT, STOCK.code, quantity)


def reserved(quantity: int = 4) -> tuple[Reservation, Stock]:
    decision = model.reserve(wanted(quantity), STOCK)
    assert decision is not None
    assert decision.stock is not None
    return decision.reservation, decision.stock


def test_a_prescription_gets_its_boxes_at_the_price_of_the_day() -> None:
    decision = model.reserve(wanted(4), STOCK)
    assert decision is not None
    (event,) = decision.events
    assert isinstance(event, StockReserved)
    assert (event.quantity, event.unit_price) == (4, "2.50")
    assert decision.stock == replace(STOCK, reserved=4)


@pytest.mark.parametrize(
    ("stock", "reason"),
    [
        (None, "unknown medication"),
        (replace(STOCK, on_hand=3), "out of stock"),
        (replace(STOCK, reserved=40), "out of stock"),
    ],
)
def test_a_prescription_that_cannot_be_filled_is_told_why(stock: Stock | None, reason: str) -> None:
    decision = model.reserve(wanted(4), stock)
    assert decision is not None
    (event,) = decision.events
    assert isinstance(event, StockRejected)
    assert event.reason == reason
    assert decision.stock is None


def test_a_cancelled_prescription_frees_its_boxes() -> None:
    reservation, stock = reserved()
    decision = model.cancel(reservation, stock)
    assert decision is not None
    assert decision.stock == STOCK
    assert isinstance(decision.events[0], StockReleased)


def test_a_cancellation_that_comes_first_lets_nothing_be_reserved_later() -> None:
    marked = model.cancel(Reservation(UUID(int=1), PATIENT), None)
    assert marked is not None
    assert marked.events == ()
    assert model.reserve(marked.reservation, STOCK) is None


def test_dispensing_takes_the_boxes_off_the_shelf_and_off_the_reserved_ones() -> None:
    reservation, stock = reserved(4)
    decision = model.dispense(reservation, stock)
    assert isinstance(decision, Decision)
    assert decision.stock == replace(STOCK, on_hand=26)
    assert isinstance(decision.events[0], StockDispensed)


def test_dispensing_is_refused_when_a_stocktake_has_found_too_few() -> None:
    reservation, stock = reserved(4)
    counted, _ = model.count(stock, 3)
    refusal = model.dispense(reservation, counted)
    assert refusal == Refused("out of stock: 3 on hand, 4 needed")


def test_nothing_is_dispensed_twice_or_without_a_reservation() -> None:
    reservation, stock = reserved()
    assert isinstance(model.dispense(None, STOCK), Refused)
    assert isinstance(model.dispense(replace(reservation, status="dispensed"), stock), Refused)


def test_returned_boxes_are_on_hand_and_reserved_again() -> None:
    reservation, stock = reserved()
    dispensed = model.dispense(reservation, stock)
    assert isinstance(dispensed, Decision)
    returned = model.put_back(dispensed.reservation, dispensed.stock)
    assert returned is not None
    assert (returned.reservation, returned.stock) == (reservation, stock)


def test_scarcity_is_told_when_it_begins_and_not_while_it_lasts() -> None:
    counted, (_, *scarcity) = model.count(STOCK, 9)
    assert scarcity == [StockLow(medication_code=STOCK.code, available=9)]
    again, (_, *nothing) = model.count(counted, 5)
    assert nothing == []
    filled = model.deliver(again, 20)
    assert filled is not None
    assert list(model.count(filled[0], 9)[1][1:]) == scarcity


def test_a_stocktake_tells_what_was_found_and_how_far_off_the_books_were() -> None:
    _, (told, *_) = model.count(STOCK, 12)
    assert told == StockCounted(medication_code=STOCK.code, on_hand=12, difference=-18)


def test_a_delivery_beyond_every_store_room_is_not_taken() -> None:
    full = replace(STOCK, on_hand=model.MOST_BOXES_ON_HAND)
    assert model.deliver(full, 1) is None


ACTS = st.one_of(
    st.tuples(st.sampled_from(["create", "cancel", "dispense", "return"]), st.integers(1, 4)),
    st.tuples(st.just("deliver"), st.integers(1, 30)),
    st.tuples(st.just("count"), st.integers(0, 30)),
)


@given(st.lists(st.integers(1, 12), min_size=4, max_size=4), st.lists(ACTS, max_size=40))
def test_reserved_is_always_what_the_reservations_hold(quantities: list[int], acts: list[tuple[str, int]]) -> None:
    stock, known, expected_on_hand = STOCK, dict[int, Reservation](), STOCK.on_hand
    for act, number in acts:
        before = stock
        if act == "deliver":
            delivery = model.deliver(stock, number)
            assert delivery is not None
            stock, _ = delivery
            expected_on_hand += number
            continue
        if act == "count":
            stock, _ = model.count(stock, number)
            expected_on_hand = number
            continue
        decision = decide(act, number, quantities[number - 1], known.get(number), stock)
        if isinstance(decision, Decision):
            known[number], stock = decision.reservation, decision.stock or stock
            expected_on_hand += quantities[number - 1] * {"dispense": -1, "return": 1}.get(act, 0)
            crossed = before.available >= model.LOW_STOCK_BOXES > stock.available
            assert crossed == any(isinstance(event, StockLow) for event in decision.events)
        assert stock.reserved == sum(each.quantity for each in known.values() if each.status == "reserved")
        assert stock.on_hand == expected_on_hand
        assert stock.on_hand >= 0


def decide(
    act: str, number: int, quantity: int, reservation: Reservation | None, stock: Stock
) -> Decision | Refused | None:
    match act:
        case "create":
            return model.reserve(reservation or wanted(quantity, number), stock)
        case "cancel":
            return model.cancel(reservation or Reservation(UUID(int=number), PATIENT), stock)
        case "dispense":
            return model.dispense(reservation, stock)
        case _:
            return model.put_back(reservation, stock)
