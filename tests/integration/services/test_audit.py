"""Audit's chain and interface against a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from audit.addresses import Address
from audit.record import read_record
from infirmary.processes import make_app
from infirmary.settings import Settings
from services.audit import store
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.services.recording import APPENDED, MOVED, PUT, change, tell, telling, verified
from tests.unit.services.recording.records import access


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    """The settings of audit with a fresh database."""
    return new_database("audit")


@pytest.fixture
def client(settings: Settings) -> Iterator[FlaskClient]:
    """A client of audit."""
    app = make_app("audit", settings)
    yield app.test_client()
    app.extensions["storage"].close()


def waits_for_the_end(settings: Settings) -> bool:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return connection.execute(waiting).fetchone() is not None


def on_record(settings: Settings) -> int:
    with psycopg.connect(settings.database_url) as connection:
        (count,) = connection.execute("SELECT position FROM audit_head").fetchone() or (0,)
    return int(count)


def test_what_was_told_is_found_by_its_patient_as_fhir(settings: Settings, client: FlaskClient) -> None:
    patient_id = uuid4()
    first, other, second = access(patient_id), access(uuid4()), access(patient_id, status=403)
    tell(settings, first, other)
    tell(settings, second, service="billing")
    answer = client.get(f"/audit-events?patient_id={patient_id}")
    assert answer.content_type == "application/fhir+json"
    bundle = answer.get_json()
    assert (bundle["resourceType"], "link" in bundle) == ("Bundle", False)
    found = [entry["resource"] for entry in bundle["entry"]]
    assert [each["id"] for each in found] == [str(first.access_id), str(second.access_id)]
    assert [each["source"]["observer"]["display"] for each in found] == ["chart", "billing"]
    assert client.get(f"/audit-events/{second.access_id}").get_json() == found[1]
    assert client.get(f"/audit-events/{uuid4()}").status_code == 404


def test_pages_lead_to_the_end_and_since_begins_later(settings: Settings, client: FlaskClient) -> None:
    told = [access() for _ in range(5)]
    tell(settings, *told)
    seen, url = list[str](), "/audit-events?limit=2"
    while url:
        bundle = client.get(url).get_json()
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        url = bundle["link"][0]["url"] if "link" in bundle else ""
    assert seen == [str(each.access_id) for each in told]
    assert client.get("/audit-events?since=2100-01-01T00:00:00Z").get_json() == {
        "resourceType": "Bundle",
        "type": "searchset",
    }
    assert len(client.get("/audit-events?since=2000-01-01T00:00:00Z").get_json()["entry"]) == 5


def test_what_is_told_again_is_on_record_once(
    settings: Settings, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = access(), access()
    tell(settings, one)
    tell(settings, one, two, two)
    assert len(client.get("/audit-events").get_json()["entry"]) == 2
    assert verified(settings, monkeypatch)[0] == 0


def test_what_two_messages_tell_at_once_is_on_record_once(
    settings: Settings, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process hands on again what it has told perhaps: in another message, beside other accesses."""
    one, two, three = access(), access(), access()
    with ThreadPoolExecutor() as beside, telling(settings) as first:
        store.append(first, "chart", [one, two])
        second = beside.submit(tell, settings, two, three)
        eventually(lambda: waits_for_the_end(settings), because="the second waits for the first's commit")
    second.result(timeout=20)
    found = [entry["resource"]["id"] for entry in client.get("/audit-events").get_json()["entry"]]
    assert found == [str(each.access_id) for each in (one, two, three)]
    assert verified(settings, monkeypatch)[0] == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET record = 'nothing'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "UPDATE audit_head SET position = 1",
        "UPDATE audit_head SET position = 3",
        "UPDATE audit_head SET hash = sha256('another')",
        "DELETE FROM audit_head",
        PUT.format(position=0),
        PUT.format(position=-5),
        PUT.format(position=2),
        PUT.format(position=3),
        PUT.format(position=4),
        APPENDED.format(record='"nothing"'),
        APPENDED.format(record='{"access_id": "00000000-0000-0000-0000-000000000000"}'),
    ],
)
def test_nobody_changes_what_is_on_record(settings: Settings, statement: str) -> None:
    tell(settings, access(), access())
    with pytest.raises((psycopg.errors.RaiseException, psycopg.errors.UniqueViolation)):
        change(settings, statement)
    tell(settings, access())
    assert on_record(settings) == 3, "what is told goes on to be put on record"


def test_a_consumer_of_the_release_before_moves_the_end_as_well(settings: Settings) -> None:
    tell(settings, access())
    change(settings, "UPDATE audit_head SET (position, hash) = (SELECT position, hash FROM audit_events)")
    assert on_record(settings) == 1


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("DELETE FROM audit_events WHERE position = 2", 2),
        ("DELETE FROM audit_events WHERE position = 3", 3),
        ("UPDATE audit_events SET record = replace(record, 'dr-who', 'nobody') WHERE position = 1", 1),
        ("UPDATE audit_events SET patient_id = gen_random_uuid() WHERE position = 2", 2),
        ("ALTER TABLE audit_head DISABLE TRIGGER ALL; UPDATE audit_head SET hash = sha256('another')", 3),
        ("ALTER TABLE audit_head DISABLE TRIGGER ALL; DELETE FROM audit_head", 4),
        ("ALTER TABLE audit_head DISABLE TRIGGER ALL; UPDATE audit_head SET position = 2", 2),
        ("ALTER TABLE audit_head DISABLE TRIGGER ALL; UPDATE audit_head SET position = 7", 4),
        (PUT.format(position=0), 0),
        (PUT.format(position=-5), -5),
        (PUT.format(position=4), 4),
        (PUT.format(position=2**62), 2**62),
        (APPENDED.format(record="nothing"), 4),
        (APPENDED.format(record="[1]") + MOVED, 4),
        (APPENDED.format(record="no JSON") + MOVED, 4),
    ],
)
def test_what_somebody_has_changed_all_the_same_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, statement: str, position: int
) -> None:
    tell(settings, access(), access(), access())
    status, words = verified(settings, monkeypatch)
    assert (status, "3 records" in words) == (0, True)
    address = Address("audit", database_url=settings.database_url)
    assert read_record(address).broken_at is None
    change(settings, "ALTER TABLE audit_events DISABLE TRIGGER ALL")
    change(settings, statement)
    status, words = verified(settings, monkeypatch)
    assert status == 1
    assert f"BROKEN at record {position}:" in words
    assert read_record(address).broken_at == position, "the audit from outside sees it, too"
