"""Lab's handlers and interface against a real PostgreSQL."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.lab import handlers
from services.lab.messages import PatientNameChanged, PatientRegistered
from tests.integration.conftest import NewDatabase

FINDING = {"test": "potassium", "value": "6.8", "unit": "mmol/l", "critical": True}


class Laboratory:
    """The laboratory, and one patient whom it may have heard of."""

    def __init__(self, settings: Settings, client: FlaskClient) -> None:
        self.url, self.client, self.patient_id = settings.as_owner().database_url, client, new_id()

    def hears_of(self, patient_id: UUID, full_name: str, version: int) -> None:
        with (
            psycopg.connect(self.url, autocommit=True) as connection,
            transaction(connection, "lab", causation_of(None, None, None)) as tx,
        ):
            if version == 1:
                registered = PatientRegistered(patient_id=patient_id, full_name=full_name, version=1)
                handlers.know_patient(registered, tx)
            else:
                changed = PatientNameChanged(patient_id=patient_id, full_name=full_name, version=version)
                handlers.rename_patient(changed, tx)

    def post(self, **finding: object) -> Any:
        return self.client.post("/lab-results", json={"patient_id": str(self.patient_id), **FINDING, **finding})

    def pages(self, query: str) -> list[list[str]]:
        """Returns the values on each page of a list."""
        pages: list[list[str]] = []
        cursor = ""
        while not pages or cursor:
            page = self.client.get(f"/lab-results?{query}{cursor}").get_json()
            pages.append([item["value"] for item in page["items"]])
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        return pages

    def told(self) -> list[tuple[str, str, int, dict[str, Any]]]:
        """Returns type, subject, sequence and body of the events in the outbox."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT type, subject, sequence, body FROM outbox ORDER BY id").fetchall()
        return [(kind, subject, sequence, json.loads(body)) for kind, subject, sequence, body in rows]


@pytest.fixture
def laboratory(new_database: NewDatabase) -> Iterator[Laboratory]:
    settings = new_database("lab")
    app = make_app("lab", settings)
    yield Laboratory(settings, app.test_client())
    app.extensions["storage"].close()


def test_a_result_is_refused_while_the_patient_is_not_known(laboratory: Laboratory) -> None:
    refused = laboratory.post()
    assert refused.status_code == 422
    assert [error["field"] for error in refused.get_json()["errors"]] == ["body.patient_id"]
    assert laboratory.told() == []


def test_a_result_is_recorded_told_once_and_found_again(laboratory: Laboratory) -> None:
    laboratory.hears_of(laboratory.patient_id, "Ada", 1)
    answer = laboratory.post()
    result = answer.get_json()
    assert answer.status_code == 201
    assert {**result, **FINDING, "patient_name": "Ada"} == result
    assert laboratory.client.get(answer.headers["Location"]).get_json() == result
    body = {name: result[name] for name in ("lab_result_id", "patient_id", *FINDING, "at")}
    assert laboratory.told() == [("LabResultRecorded", result["lab_result_id"], 1, body)]


def test_a_rename_shows_with_the_results_there_are_and_an_older_name_does_not(laboratory: Laboratory) -> None:
    laboratory.hears_of(laboratory.patient_id, "Newer", 2)
    laboratory.hears_of(laboratory.patient_id, "Old", 1)
    place = laboratory.post().headers["Location"]
    assert laboratory.client.get(place).get_json()["patient_name"] == "Newer"
    laboratory.hears_of(laboratory.patient_id, "Newest", 3)
    laboratory.hears_of(laboratory.patient_id, "Newer", 2)
    assert laboratory.client.get(place).get_json()["patient_name"] == "Newest"


def test_lists_are_paged_oldest_first_and_of_one_patient_if_asked(laboratory: Laboratory) -> None:
    other = new_id()
    for patient_id in (laboratory.patient_id, other):
        laboratory.hears_of(patient_id, "Somebody", 1)
    for value in ("1", "2", "3"):
        laboratory.post(value=value)
    laboratory.post(value="other's", patient_id=str(other))
    assert laboratory.pages(f"patient_id={laboratory.patient_id}&limit=2") == [["1", "2"], ["3"]]
    assert laboratory.pages("limit=3") == [["1", "2", "3"], ["other's"]]
    assert laboratory.pages(f"patient_id={new_id()}") == [[]]


@pytest.mark.parametrize("place", ["/lab-results/none", f"/lab-results/{new_id()}"], ids=["no id", "unknown"])
def test_a_result_that_does_not_exist_is_404(laboratory: Laboratory, place: str) -> None:
    assert laboratory.client.get(place).status_code == 404
