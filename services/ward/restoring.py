"""How ward makes its wards again from what it has told of them. All that is told of one is in its order."""

from dataclasses import replace

from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring, said_at
from services.ward import store
from services.ward.messages import BedReleased, BedReserved, WardFurnished

restoring = Restoring("ward")


@restoring.of(WardFurnished)
def furnish(event: WardFurnished, tx: Transaction) -> None:
    """Opens the ward, or gives it its later name and beds."""
    ward = store.lock_or_open(tx, event.ward_id, event.name, event.beds)
    store.save(tx, replace(ward, name=event.name, beds=event.beds))


@restoring.of(BedReserved)
def reserve(event: BedReserved, tx: Transaction) -> None:
    """Holds the bed for the admission."""
    store.insert_reservation(tx, event.model_copy(update={"at": event.at or said_at(tx)}))


@restoring.of(BedReleased)
def release(event: BedReleased, tx: Transaction) -> None:
    """Frees the bed."""
    store.delete_reservation(tx, event)
