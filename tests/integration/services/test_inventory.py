"""Inventory's handlers and interface against a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.handlers import Outcome
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.inventory import handlers
from services.inventory.messages import DispenseStock, PrescriptionCancelled, PrescriptionCreated, ReturnStock
from tests.integration.conftest import NewDatabase

CODE = "PARA-500"
CONNECTIONS = 50
"""At once."""


class StoreRoom:
    """A hospital's store room with one medication in it."""

    def __init__(self, settings: Settings, client: FlaskClient) -> None:
        self.url, self.client = settings.as_owner().database_url, client
        self.client.put(f"/medications/{CODE}", json={"name": "Paracetamol", "unit_price": "2.5"})

    def apply(self, handler: Any, message: object) -> Outcome:
        with (
            psycopg.connect(self.url, autocommit=True) as connection,
            transaction(connection, "inventory", causation_of(None, None, None)) as tx,
        ):
            outcome: Outcome = handler(message, tx)
        return outcome

    def post(self, what: str, **body: int) -> dict[str, Any]:
        answer = self.client.post(f"/medications/{CODE}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def prescribe(self, quantity: int, code: str = CODE, prescription_id: UUID | None = None) -> UUID:
        prescription_id = prescription_id or new_id()
        event = PrescriptionCreated(
            prescription_id=prescription_id, patient_id=new_id(), medication_code=code, quantity=quantity
        )
        self.apply(handlers.reserve_stock, event)
        return prescription_id

    def cancel(self, prescription_id: UUID) -> None:
        event = PrescriptionCancelled(prescription_id=prescription_id, patient_id=new_id())
        self.apply(handlers.release_stock, event)

    def dispense(self, prescription_id: UUID) -> Outcome:
        return self.apply(handlers.dispense_stock, command(DispenseStock, "stock", prescription_id))

    def put_back(self, prescription_id: UUID) -> Outcome:
        return self.apply(handlers.return_stock, command(ReturnStock, "stock.compensation", prescription_id))

    def boxes(self) -> tuple[int, int, int]:
        """Returns on hand, reserved, available."""
        found = self.client.get(f"/medications/{CODE}").get_json()
        return found["on_hand"], found["reserved"], found["available"]

    def told(self) -> list[str]:
        """Returns the types of the events in the outbox, in their order, after that of the medication itself."""
        with psycopg.connect(self.url) as connection:
            listed, *told = [kind for (kind,) in connection.execute("SELECT type FROM outbox ORDER BY id")]
        assert listed == "MedicationListed"
        return told


def command(kind: Any, step: str, prescription_id: UUID) -> Any:
    return kind(saga_id=new_id(), step=step, attempt=1, reply_to="prescription", prescription_id=prescription_id)


@pytest.fixture
def room(new_database: NewDatabase) -> Iterator[StoreRoom]:
    settings = new_database("inventory")
    app = make_app("inventory", settings)
    yield StoreRoom(settings, app.test_client())
    app.extensions["storage"].close()


def test_the_life_of_a_prescription_moves_the_boxes(room: StoreRoom) -> None:
    room.post("deliveries", quantity=20)
    prescription = room.prescribe(4)
    assert room.boxes() == (20, 4, 16)
    assert room.dispense(prescription) is None
    assert room.boxes() == (16, 0, 16)
    assert room.put_back(prescription) is None
    assert room.boxes() == (20, 4, 16)
    room.cancel(prescription)
    assert room.boxes() == (20, 0, 20)
    assert room.told() == ["StockDelivered", "StockReserved", "StockDispensed", "StockReturned", "StockReleased"]


def test_a_repeated_message_changes_nothing(room: StoreRoom) -> None:
    room.post("deliveries", quantity=20)
    prescription = room.prescribe(4)
    room.prescribe(4, prescription_id=prescription)
    assert room.boxes() == (20, 4, 16)
    room.cancel(prescription)
    room.cancel(prescription)
    assert room.boxes() == (20, 0, 20)
    assert room.told() == ["StockDelivered", "StockReserved", "StockReleased"]


def test_a_cancellation_that_comes_first_lets_nothing_be_reserved(room: StoreRoom) -> None:
    room.post("deliveries", quantity=20)
    prescription = new_id()
    room.cancel(prescription)
    room.prescribe(4, prescription_id=prescription)
    assert room.boxes() == (20, 0, 20)
    assert room.told() == ["StockDelivered"]


def test_what_cannot_be_reserved_is_rejected(room: StoreRoom) -> None:
    rejected = room.prescribe(1)
    room.prescribe(1, code="NOBODY-KNOWS")
    room.cancel(rejected)
    assert room.boxes() == (0, 0, 0)
    assert room.told() == ["StockRejected", "StockRejected"]


def test_a_stocktake_may_go_below_what_is_reserved(room: StoreRoom) -> None:
    room.post("deliveries", quantity=20)
    prescription = room.prescribe(15)
    assert room.post("counts", on_hand=6)["available"] == -9
    room.prescribe(1)
    refusal = room.dispense(prescription)
    assert refusal is not None
    assert refusal.reason == "out of stock: 6 on hand, 15 needed"
    assert room.told() == ["StockDelivered", "StockReserved", "StockLow", "StockCounted", "StockRejected"]


def test_a_new_name_and_price_leave_the_boxes_alone(room: StoreRoom) -> None:
    room.post("deliveries", quantity=20)
    room.prescribe(4)
    answer = room.client.put(f"/medications/{CODE}", json={"name": "Paracetamol 500 mg", "unit_price": "3"})
    facts = {
        "code": CODE,
        "name": "Paracetamol 500 mg",
        "unit_price": "3.00",
        "on_hand": 20,
        "reserved": 4,
        "available": 16,
    }
    assert (answer.status_code, answer.get_json()) == (200, facts)


def test_a_delivery_that_no_store_room_holds_is_refused(room: StoreRoom) -> None:
    room.post("counts", on_hand=10**12)
    answer = room.client.post(f"/medications/{CODE}/deliveries", json={"quantity": 1})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "body.quantity"
    assert room.boxes()[0] == 10**12


@pytest.mark.parametrize("body", [{"on_hand": -1}, {"on_hand": 10**12 + 1}, {"on_hand": True}, {"on_hand": "3"}, {}])
def test_an_impossible_stocktake_is_refused(room: StoreRoom, body: dict[str, object]) -> None:
    assert room.client.post(f"/medications/{CODE}/counts", json=body).status_code == 422


def test_what_is_no_medication_is_not_found(room: StoreRoom) -> None:
    for code in ("UNKNOWN", "no code", "x" * 65):
        assert room.client.get(f"/medications/{code}").status_code == 404
        assert room.client.post(f"/medications/{code}/deliveries", json={"quantity": 1}).status_code == 404


def test_fifty_concurrent_dispensings_share_out_the_last_ten_boxes(room: StoreRoom) -> None:
    room.post("deliveries", quantity=50)
    prescriptions = [room.prescribe(1) for _ in range(50)]
    room.post("counts", on_hand=10)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        outcomes = list(threads.map(room.dispense, prescriptions))
    assert outcomes.count(None) == 10
    assert {outcome.reason for outcome in outcomes if outcome is not None} == {"out of stock: 0 on hand, 1 needed"}
    assert room.boxes() == (0, 40, -40)
    assert room.told().count("StockDispensed") == 10


def test_fifty_concurrent_prescriptions_share_out_the_last_ten_boxes(room: StoreRoom) -> None:
    room.post("deliveries", quantity=10)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(lambda _: room.prescribe(1), range(50)))
    assert room.boxes() == (10, 10, 0)
    told = room.told()
    assert [told.count(kind) for kind in ("StockReserved", "StockRejected", "StockLow")] == [10, 40, 1]
