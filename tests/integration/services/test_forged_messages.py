"""What a publisher should never have said is parked with a sentence; nothing of it is kept, and the next is applied."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from infirmary.processes import make_app
from infirmary.testing import HandFedConsumer, message
from tests.integration.conftest import NewDatabase

PATIENT, PRESCRIPTION = str(uuid4()), str(uuid4())

PRICED = {"prescription_id": PRESCRIPTION, "patient_id": PATIENT, "quantity": 2, "unit_price": "2.50", "reason": "no"}
WRITTEN = {"prescription_id": PRESCRIPTION, "patient_id": PATIENT, "medication_code": "m", "quantity": 2}
REGISTERED = {"patient_id": PATIENT, "full_name": "Ada", "date_of_birth": "1815-12-10", "version": 1}
BILLED = {"patient_id": PATIENT, "balance": "2.50", "account_version": 1}
EXAMINED = {"patient_id": PATIENT, "lab_result_id": str(uuid4()), "test": "k", "value": "6.8", "unit": ""}

TABLES = {
    "billing": ["accounts", "entries"],
    "prescription": ["prescriptions"],
    "inventory": ["reservations"],
    "lab": ["patient_snapshot"],
    "chart": ["patients", "accounts", "lab_results"],
}

FORGED = [
    ("billing", "inventory", "StockReserved", PRICED, "unit_price", "NaN"),
    ("billing", "inventory", "StockReserved", PRICED, "unit_price", "-5.00"),
    ("billing", "inventory", "StockReserved", PRICED, "unit_price", "0.001"),
    ("billing", "inventory", "StockReserved", PRICED, "quantity", 0),
    ("billing", "inventory", "StockReserved", PRICED, "quantity", 2**70),
    ("prescription", "inventory", "StockRejected", PRICED, "reason", "a\x00b"),
    ("inventory", "prescription", "PrescriptionCreated", WRITTEN, "quantity", -3),
    ("inventory", "prescription", "PrescriptionCreated", WRITTEN, "medication_code", "a/b"),
    ("lab", "patient", "PatientRegistered", REGISTERED, "version", 0),
    ("lab", "patient", "PatientRegistered", REGISTERED, "full_name", "\u200b"),
    ("chart", "patient", "PatientRegistered", REGISTERED, "date_of_birth", "86400"),
    ("chart", "patient", "PatientRegistered", REGISTERED, "version", 2**63),
    ("chart", "billing", "BillingEntryVoided", BILLED, "balance", "Infinity"),
    ("chart", "billing", "BillingEntryVoided", BILLED, "account_version", -1),
    ("chart", "lab", "LabResultRecorded", {**EXAMINED, "critical": True}, "critical", "yes"),
]


class Reader:
    """A service's consumer, fed by hand in place of the broker."""

    def __init__(self, name: str, new_database: NewDatabase) -> None:
        chosen = new_database(name)
        self.url, self.service = chosen.as_owner().database_url, name
        self._consumer = HandFedConsumer(name, chosen)
        self.app = make_app(name, chosen)

    def close(self) -> None:
        self._consumer.close()
        self.app.extensions["storage"].close()

    def hears(self, source: str, kind: str, *bodies: dict[str, Any]) -> None:
        """Applies events, each the first of a subject of its own."""
        heard = [message(source, kind, body, subject=uuid4(), sequence=1) for body in bodies]
        self._consumer.apply(f"{source}.events", *heard)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql.encode()).fetchall()


@pytest.fixture
def reader(new_database: NewDatabase, request: pytest.FixtureRequest) -> Iterator[Reader]:
    reader = Reader(request.param, new_database)
    yield reader
    reader.close()


@pytest.mark.parametrize(("reader", "source", "kind", "good", "field", "bad"), FORGED, indirect=["reader"])
def test_what_breaks_a_limit_is_parked_and_the_next_is_applied(
    reader: Reader, source: str, kind: str, good: dict[str, Any], field: str, bad: object
) -> None:
    tables = set(TABLES[reader.service])
    reader.hears(source, kind, {**good, field: bad})
    ((error,),) = reader.rows("SELECT error FROM parked_message")
    assert f"{kind}.{field}: " in error
    assert [row for table in tables for row in reader.rows(f"SELECT * FROM {table}")] == []
    reader.hears(source, kind, {**good, field: bad}, good)
    assert reader.rows("SELECT DISTINCT error FROM parked_message") == [(error,)]


def test_an_account_stays_readable_whatever_price_it_was_told(new_database: NewDatabase) -> None:
    reader = Reader("billing", new_database)
    forged = [{**PRICED, "unit_price": price} for price in ("NaN", "-5.00", "0.001", "1e400", "Infinity")]
    reader.hears("inventory", "StockReserved", *forged, PRICED)
    account = reader.app.test_client().get(f"/accounts/{PATIENT}").get_json()
    reader.close()
    assert (account["balance"], [entry["amount"] for entry in account["entries"]]) == ("5.00", ["5.00"])
