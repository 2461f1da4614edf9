"""The HTTP interface of inventory."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from infirmary.http.api import Api
from infirmary.http.fields import WHOLE, CodePath, Input, Money, Name, Price, Quantity, shown
from infirmary.http.problems import not_found, unprocessable
from infirmary.postgres.transaction import Query, Transaction
from services.inventory import model, store
from services.inventory.model import MOST_BOXES_ON_HAND, Stock

api = Api("inventory")


class MedicationFacts(Input):
    """What a medication is called and what a box costs from now on."""

    name: Annotated[Name, shown("Penicillin")]
    unit_price: Annotated[Price, shown("12.50")]


class Delivery(Input):
    """Boxes that have arrived."""

    quantity: Annotated[Quantity, shown(100)]


class Stocktake(Input):
    """Boxes that somebody has counted in the store room."""

    on_hand: Annotated[int, Field(ge=0, le=MOST_BOXES_ON_HAND, strict=True), WHOLE, shown(98)]


class MedicationView(BaseModel):
    """A medication as the outside sees one."""

    code: str
    name: str
    unit_price: Money
    on_hand: int
    reserved: int
    available: Annotated[
        int, Field(description="on_hand - reserved; negative when a stocktake found fewer than are reserved")
    ]


@api.endpoint("PUT", "/medications/<code>", MedicationView, scope="medications:write")
def name_medication(path: CodePath, body: MedicationFacts, tx: Transaction) -> MedicationView:
    """Make a medication known, or change its name and price.

    Its boxes stay as they are; what is reserved keeps the price of its day.
    """
    stock = _known(store.name_medication(tx, path.code, body.name, Decimal(body.unit_price)), path)
    tx.publish(model.listed(stock))
    return _view(stock)


@api.endpoint("GET", "/medications/<code>", MedicationView, errors=(404,), scope="medications:read")
def get_medication(path: CodePath, db: Query) -> MedicationView:
    """Get a medication and its stock."""
    return _view(_known(store.find_stock(db, path.code), path))


@api.endpoint("POST", "/medications/<code>/deliveries", MedicationView, errors=(404,), scope="stock:write")
def receive_delivery(path: CodePath, body: Delivery, tx: Transaction) -> MedicationView:
    """Add boxes that have arrived."""
    delivery = model.deliver(_known(store.lock_stock(tx, path.code), path), body.quantity)
    if delivery is None:
        raise unprocessable("body.quantity", f"there would be more than {MOST_BOXES_ON_HAND} boxes on hand")
    stock, event = delivery
    store.save_stock(tx, stock)
    tx.publish(event)
    return _view(stock)


@api.endpoint("POST", "/medications/<code>/counts", MedicationView, errors=(404,), scope="stock:write")
def record_stocktake(path: CodePath, body: Stocktake, tx: Transaction) -> MedicationView:
    """Say how many boxes a stocktake has found.

    When they are fewer than are reserved, nothing more is reserved until boxes arrive.
    """
    stock, events = model.count(_known(store.lock_stock(tx, path.code), path), body.on_hand)
    store.save_stock(tx, stock)
    for event in events:
        tx.publish(event)
    return _view(stock)


def _known(stock: Stock | None, path: CodePath) -> Stock:
    if stock is None:
        raise not_found(f"medication {path.code}")
    return stock


def _view(stock: Stock) -> MedicationView:
    return MedicationView(
        code=stock.code,
        name=stock.name,
        unit_price=stock.unit_price,
        on_hand=stock.on_hand,
        reserved=stock.reserved,
        available=stock.available,
    )
