"""However much there is of a patient or a ward, a document shows the newest and how many; a list below it shows all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from audit.client import Client
from audit.hospital import HOSPITAL
from audit.responses import Response
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.tracing.causation import causation_of
from services.billing import handlers
from services.billing.messages import StockReserved
from tests.integration.conftest import NewDatabase

HOW_MANY = 250
SHOWN = 100
PATIENT = uuid4()

ENTRY = """INSERT INTO entries (entry_id, patient_id, kind, reference_id, amount, status, at)
           VALUES (%(id)s, %(patient_id)s, 'prescription', %(id)s, 12.50, 'open', now())"""
RESERVATION = "INSERT INTO reservations (admission_id, patient_id, ward_id) VALUES (%(id)s, %(patient_id)s, 'W1')"
PRESCRIPTION = """INSERT INTO prescriptions (prescription_id, patient_id, medication_code, quantity, status)
                  VALUES (%(id)s, %(patient_id)s, 'm', 1, 'accepted')"""
LAB_RESULT = """INSERT INTO lab_results (lab_result_id, patient_id, test, value, unit, critical)
                VALUES (%(id)s, %(patient_id)s, 'k', '6.8', '', false)"""
NOTIFICATION = """INSERT INTO notifications (notification_id, patient_id, kind, text, reference_id)
                  VALUES (%(id)s, %(patient_id)s, 'admission_confirmed', 'Welcome!', %(id)s)"""

OWNERS = {
    "billing": "INSERT INTO accounts (patient_id, held, balance, version) VALUES (%(patient_id)s, false, 3125, 250)",
    "ward": "INSERT INTO wards (ward_id, name, beds) VALUES ('W1', 'West', 250)",
    "chart": """INSERT INTO patients (patient_id, full_name, version, date_of_birth)
                VALUES (%(patient_id)s, 'Ada', 1, '1815-12-10')""",
}


@dataclass(frozen=True)
class Listed:
    """A list inside a document, and the list of all below it.

    Attributes:
        row: The statement that writes one row of it.
    """

    service: str
    path: str
    field: str
    below: str
    key: str
    row: str


ENTRIES = Listed("billing", f"/accounts/{PATIENT}", "entries", "entries", "entry_id", ENTRY)
LISTS = [
    ENTRIES,
    Listed("ward", "/wards/W1", "reservations", "reservations", "admission_id", RESERVATION),
    Listed("chart", f"/charts/{PATIENT}", "prescriptions", "prescriptions", "prescription_id", PRESCRIPTION),
    Listed("chart", f"/charts/{PATIENT}", "lab_results", "lab-results", "lab_result_id", LAB_RESULT),
    Listed("chart", f"/charts/{PATIENT}", "notifications", "notifications", "notification_id", NOTIFICATION),
]
each_list = pytest.mark.parametrize("listed", LISTS, ids=lambda listed: f"{listed.service} {listed.below}")

NewService = Callable[[Listed, int], FlaskClient]


@pytest.fixture
def service(new_database: NewDatabase) -> Iterator[NewService]:
    """Makes a service whose list has so many rows; returns its client."""
    with ExitStack() as stack:

        def make(listed: Listed, rows: int) -> FlaskClient:
            chosen = new_database(listed.service)
            with psycopg.connect(chosen.as_owner().database_url) as connection, connection.cursor() as cursor:
                cursor.execute(OWNERS[listed.service].encode(), {"patient_id": PATIENT})
                cursor.executemany(listed.row.encode(), [{"id": new_id(), "patient_id": PATIENT} for _ in range(rows)])
            app = make_app(listed.service, chosen)
            stack.callback(app.extensions["storage"].close)
            return app.test_client()

        yield make


def every_page(client: FlaskClient, path: str, limit: int) -> list[dict[str, Any]]:
    """Follows the cursors to the end of a list."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = client.get(path, query_string={"limit": limit} | ({"cursor": cursor} if cursor else {})).get_json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


@each_list
def test_a_document_shows_the_newest_hundred_and_the_list_below_it_all(service: NewService, listed: Listed) -> None:
    client = service(listed, HOW_MANY)
    document = client.get(listed.path).get_json()
    everything = every_page(client, f"{listed.path}/{listed.below}", limit=99)
    ids = [UUID(each[listed.key]) for each in everything]
    assert ids == sorted(set(ids))
    assert len(ids) == document[f"{listed.field}_total"] == HOW_MANY
    assert document[listed.field] == everything[-SHOWN:]


@each_list
def test_a_list_of_a_hundred_is_shown_whole(service: NewService, listed: Listed) -> None:
    client = service(listed, SHOWN)
    document = client.get(listed.path).get_json()
    assert document[f"{listed.field}_total"] == len(document[listed.field]) == SHOWN
    assert document[listed.field] == client.get(f"{listed.path}/{listed.below}?limit=200").get_json()["items"]


def test_what_an_account_owes_is_more_than_it_shows(service: NewService) -> None:
    account = service(ENTRIES, HOW_MANY).get(ENTRIES.path).get_json()
    assert account["balance"] == "3125.00"
    assert sum(float(entry["amount"]) for entry in account["entries"]) == SHOWN * 12.5


@each_list
def test_a_page_that_cannot_be_is_refused(service: NewService, listed: Listed) -> None:
    client = service(listed, 0)
    for query in (
        "limit=0",
        "limit=-1",
        "limit=1000000000",
        "cursor=%00",
        f"cursor={'a' * 5000}",
        "cursor=\u00e9",
        "page=2",
    ):
        assert client.get(f"{listed.path}/{listed.below}?{query}").status_code == 422, query


@each_list
def test_a_cursor_leads_on_in_its_own_list_only(service: NewService, listed: Listed) -> None:
    client = service(listed, 2)
    cursor = client.get(f"{listed.path}/{listed.below}?limit=1").get_json()["next_cursor"]
    assert client.get(f"{listed.path}/{listed.below}?cursor={cursor}").status_code == 200
    lists = {"ward": ["/wards/W2/reservations"], "billing": [f"/accounts/{uuid4()}/entries"]}
    lists["chart"] = [f"{listed.path}/{below}" for below in ("prescriptions", "lab-results", "notifications")]
    for other in set(lists[listed.service]) - {f"{listed.path}/{listed.below}"}:
        answer = client.get(f"{other}?cursor={cursor}")
        assert answer.status_code in (404, 422), other
        assert listed.service == "ward" or answer.get_json()["errors"][0]["field"] == "query.cursor"


@each_list
def test_a_list_of_what_is_not_there_is_404(service: NewService, listed: Listed) -> None:
    path = {"ward": "/wards/W2", "chart": f"/charts/{uuid4()}", "billing": "/accounts/nobody"}[listed.service]
    assert service(listed, 0).get(f"{path}/{listed.below}").status_code == 404


@each_list
def test_the_audit_reads_more_than_a_document_shows(service: NewService, listed: Listed) -> None:
    server = make_server("127.0.0.1", 0, service(listed, HOW_MANY).application, threaded=True)
    with ThreadPoolExecutor(1) as serving:
        serving.submit(server.serve_forever, 0.01)
        ask = Client({f"{name.upper()}_URL": f"http://127.0.0.1:{server.port}" for name in HOSPITAL})
        try:
            answers: dict[str, Callable[[], Response]] = {
                "ward": lambda: ask.ward("W1"),
                "chart": lambda: ask.chart(PATIENT),
            }
            document = answers.get(listed.service, lambda: ask.account(PATIENT))()
        finally:
            ask.close()
            server.shutdown()
    assert len({getattr(each, listed.key) for each in getattr(document, listed.field)}) == HOW_MANY


def test_a_message_about_a_large_account_reads_no_more_entries_than_its_own(new_database: NewDatabase) -> None:
    chosen = new_database("billing")
    event = StockReserved(prescription_id=new_id(), patient_id=PATIENT, quantity=1, unit_price="1.00")
    with psycopg.connect(chosen.as_owner().database_url, autocommit=True) as connection:
        connection.execute(OWNERS["billing"].encode(), {"patient_id": PATIENT})
        connection.cursor().executemany(
            ENTRY.encode(), [{"id": new_id(), "patient_id": PATIENT} for _ in range(HOW_MANY)]
        )
        connection.execute("ANALYZE")
        before = entries_read(connection)
        for handler in (handlers.price_entry, handlers.price_entry):
            with transaction(connection, "billing", causation_of(None, None, None)) as tx:
                handler(event, tx)
        assert entries_read(connection) - before <= 2


def entries_read(connection: psycopg.Connection[Any]) -> int:
    """Returns how many entries statements have read so far."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'entries'"
    ).fetchone()
    assert row is not None
    return int(row[0])
