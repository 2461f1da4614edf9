"""Billing's handlers and interface against a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.handlers import Outcome, Refused
from infirmary.identifiers import new_id
from infirmary.messages import Message
from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.billing import handlers
from services.billing.messages import (
    ChargeDispensing,
    CreateAdmissionBilling,
    PrescriptionCancelled,
    PrescriptionCreated,
    StockRejected,
    StockReserved,
    UndoDispensingCharge,
    VoidAdmissionBilling,
)
from tests.integration.conftest import NewDatabase

HANDLERS: dict[type[Message], Any] = {
    PrescriptionCreated: handlers.open_entry,
    StockReserved: handlers.price_entry,
    StockRejected: handlers.void_rejected,
    PrescriptionCancelled: handlers.void_cancelled,
    ChargeDispensing: handlers.charge_dispensing,
    UndoDispensingCharge: handlers.undo_dispensing_charge,
    CreateAdmissionBilling: handlers.create_admission_billing,
    VoidAdmissionBilling: handlers.void_admission_billing,
}


class Office:
    """The billing office, and one patient's account in it."""

    def __init__(self, settings: Settings, client: FlaskClient) -> None:
        self.url, self.client, self.patient_id = settings.as_owner().database_url, client, new_id()

    def receives(self, kind: type[Message], about: UUID, **more: object) -> Outcome:
        envelope = {"saga_id": new_id(), "step": "billing", "attempt": 1, "reply_to": "prescription"}
        ids = {"prescription_id": about, "admission_id": about, "patient_id": self.patient_id}
        message = kind.model_validate({"quantity": 3, "unit_price": "12.50", **envelope, **ids, **more})
        with (
            psycopg.connect(self.url, autocommit=True) as connection,
            transaction(connection, "billing", causation_of(None, None, None)) as tx,
        ):
            outcome: Outcome = HANDLERS[kind](message, tx)
        return outcome

    def hold(self, held: bool) -> None:
        assert self.client.put(f"/accounts/{self.patient_id}/hold", json={"held": held}).status_code == 200

    def account(self) -> dict[str, Any]:
        answer = self.client.get(f"/accounts/{self.patient_id}")
        assert answer.status_code == 200
        return dict(answer.get_json())

    def shows(self) -> tuple[str, list[tuple[str, str | None, str]]]:
        """Returns the balance, and kind, amount and status of each entry."""
        account = self.account()
        return account["balance"], [(entry["kind"], entry["amount"], entry["status"]) for entry in account["entries"]]

    def told(self) -> list[tuple[str, int]]:
        """Returns type and sequence of the events in the outbox, in their order."""
        with psycopg.connect(self.url) as connection:
            return list(connection.execute("SELECT type, sequence FROM outbox ORDER BY id"))


@pytest.fixture
def office(new_database: NewDatabase) -> Iterator[Office]:
    settings = new_database("billing")
    app = make_app("billing", settings)
    yield Office(settings, app.test_client())
    app.extensions["storage"].close()


def test_any_patient_has_an_account_and_looking_at_it_writes_nothing(office: Office) -> None:
    empty = {"held": False, "balance": "0.00", "entries": [], "entries_total": 0}
    assert office.account() == {"patient_id": str(office.patient_id), **empty}
    with psycopg.connect(office.url) as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
    assert office.client.get("/accounts/nobody").status_code == 404


def test_the_life_of_a_prescription_is_one_entry(office: Office) -> None:
    prescription = new_id()
    office.receives(PrescriptionCreated, prescription)
    assert office.shows() == ("0.00", [("prescription", None, "open")])
    office.receives(StockReserved, prescription)
    assert office.shows() == ("37.50", [("prescription", "37.50", "open")])
    assert office.receives(ChargeDispensing, prescription) is None
    assert office.shows() == ("37.50", [("prescription", "37.50", "posted")])
    assert office.receives(UndoDispensingCharge, prescription) is None
    assert office.shows() == ("37.50", [("prescription", "37.50", "open")])
    office.receives(PrescriptionCancelled, prescription)
    assert office.shows() == ("0.00", [("prescription", "37.50", "voided")])
    kinds = ("Created", "Priced", "Posted", "Priced", "Voided")
    assert office.told() == [(f"BillingEntry{kind}", number) for number, kind in enumerate(kinds, start=1)]
    (entry,) = office.account()["entries"]
    assert list(entry) == ["entry_id", "kind", "reference_id", "amount", "status", "at"]
    assert entry["reference_id"] == str(prescription)


def test_a_price_that_comes_first_opens_the_entry(office: Office) -> None:
    prescription = new_id()
    for kind in (StockReserved, PrescriptionCreated, StockReserved):
        office.receives(kind, prescription)
    assert office.shows() == ("37.50", [("prescription", "37.50", "open")])
    assert office.told() == [("BillingEntryCreated", 1)]


@pytest.mark.parametrize("end", [StockRejected, PrescriptionCancelled])
def test_an_entry_that_was_voided_before_it_was_opened_stays_voided(office: Office, end: type[Message]) -> None:
    prescription = new_id()
    for kind in (end, PrescriptionCreated, StockReserved, end):
        office.receives(kind, prescription)
    assert office.shows() == ("0.00", [("prescription", None, "voided")])
    assert office.receives(ChargeDispensing, prescription) == Refused("the prescription's billing entry is voided")
    assert office.told() == [("BillingEntryVoided", 1)]


def test_a_held_account_refuses_charges_until_it_is_let_go_on(office: Office) -> None:
    prescription, admission = new_id(), new_id()
    office.hold(True)
    office.receives(PrescriptionCreated, prescription)
    office.receives(StockReserved, prescription)
    assert office.receives(ChargeDispensing, prescription) == Refused("credit hold")
    assert office.receives(CreateAdmissionBilling, admission) == Refused("credit hold")
    assert office.shows() == ("37.50", [("prescription", "37.50", "open")])
    office.hold(False)
    assert office.receives(ChargeDispensing, prescription) is None
    assert office.receives(CreateAdmissionBilling, admission) is None
    assert office.account()["balance"] == "137.50"


def test_a_charge_that_comes_first_is_posted_and_priced_later(office: Office) -> None:
    prescription = new_id()
    assert office.receives(ChargeDispensing, prescription) is None
    assert office.receives(UndoDispensingCharge, new_id()) is None
    assert office.shows() == ("0.00", [("prescription", None, "posted")])


def test_an_admission_is_billed_and_taken_back(office: Office) -> None:
    admission = new_id()
    assert office.receives(VoidAdmissionBilling, admission) is None
    assert office.receives(CreateAdmissionBilling, admission) is None
    assert office.shows() == ("100.00", [("admission", "100.00", "posted")])
    assert office.receives(VoidAdmissionBilling, admission) is None
    assert office.shows() == ("0.00", [("admission", "100.00", "voided")])
    assert office.told() == [("AdmissionBilled", 1), ("AdmissionBillingVoided", 2)]


def test_the_largest_amount_fits(office: Office) -> None:
    office.receives(StockReserved, new_id(), quantity=1_000_000, unit_price="99999999.99")
    assert office.account()["balance"] == "99999999990000.00"


def test_concurrent_changes_of_one_account_add_up(office: Office) -> None:
    prescriptions = [new_id() for _ in range(20)]
    work = [(kind, prescription) for prescription in prescriptions for kind in (PrescriptionCreated, StockReserved)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda each: office.receives(*each), work))
    assert office.account()["balance"] == "750.00"
    with psycopg.connect(office.url) as connection:
        stored = connection.execute("SELECT balance, version, (SELECT count(*) FROM outbox) FROM accounts").fetchone()
    assert stored is not None
    assert (str(stored[0]), stored[1]) == ("750.00", stored[2])
    assert [entry["status"] for entry in office.account()["entries"]] == ["open"] * 20


@pytest.mark.parametrize("body", [{"held": "yes"}, {"held": 1}, {"held": None}, {}])
def test_a_hold_is_true_or_false(office: Office, body: dict[str, object]) -> None:
    assert office.client.put(f"/accounts/{office.patient_id}/hold", json=body).status_code == 422
