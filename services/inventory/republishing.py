"""How inventory tells its medications, and the boxes that it keeps for prescriptions, again."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.statements import fields_of
from infirmary.republishing.declaration import Republishing
from services.inventory.messages import (
    MedicationListed,
    StockDispensed,
    StockRejected,
    StockReleased,
    StockReserved,
)
from services.inventory.model import ReservationStatus, Stock
from services.inventory.tables import medications, reservations

republishing = Republishing("inventory")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for a prescription, and what a box costs now; None for a medication that nobody knows."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: str
    quantity: int
    status: ReservationStatus
    unit_price: Decimal | None


_KEPT = sa.select(*fields_of(Kept, reservations, unit_price=medications.c.unit_price)).select_from(
    reservations.outerjoin(medications, medications.c.code == reservations.c.medication_code)
)


@republishing.of("medications", Rows(Stock, sa.select(*fields_of(Stock, medications)), medications.c.code))
def tell_medication(stock: Stock) -> Iterator[Event]:
    """Tells what a medication is called and costs; how many boxes there are is inventory's own affair."""
    yield MedicationListed(medication_code=stock.code, name=stock.name, unit_price=f"{stock.unit_price:.2f}")


@republishing.of("reservations", Rows(Kept, _KEPT, reservations.c.prescription_id))
def tell_reservation(kept: Kept) -> Iterator[Event]:
    """Tells what is kept for a prescription: nothing of one that was cancelled before it came."""
    if not kept.quantity:
        return
    of_it: dict[str, Any] = {
        "prescription_id": kept.prescription_id,
        "patient_id": kept.patient_id,
        "medication_code": kept.medication_code,
        "quantity": kept.quantity,
    }
    if kept.status in ("reserved", "dispensed") and kept.unit_price is not None:
        yield StockReserved(**of_it, unit_price=f"{kept.unit_price:.2f}")
    if kept.status == "rejected":
        yield StockRejected(**of_it, reason="unknown medication" if kept.unit_price is None else "out of stock")
    elif kept.status == "released":
        yield StockReleased(**of_it)
    elif kept.status == "dispensed":
        yield StockDispensed(**of_it)
