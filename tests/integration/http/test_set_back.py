"""A database that is marked as set back is read, and nothing is written to it, until the mark is gone."""

from collections.abc import Iterator

import pytest
from flask import Flask

from infirmary.processes import make_app
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.catalog import execute
from tests.integration.conftest import NewDatabase

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    return new_database("patient")


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The patient service's application, with connections that were opened before anything was marked."""
    app = make_app("patient", settings)
    assert app.test_client().post("/patients", json=ADA).status_code == 201
    yield app
    app.extensions["storage"].close()


def mark(settings: Settings) -> None:
    execute(settings, "UPDATE incarnation SET set_back_since = now(), set_back_because = 'a backup was put back'")


def status_of_a_write(app: Flask) -> int:
    return app.test_client().post("/patients", json=ADA, headers={"Idempotency-Key": "one"}).status_code


def test_writes_are_refused_with_the_reason_and_reads_are_answered(app: Flask, settings: Settings) -> None:
    client = app.test_client()
    known = client.post("/patients", json=ADA).headers["Location"]
    mark(settings)
    eventually(lambda: status_of_a_write(app) == 503, because="open connections learn of the mark")
    refused = client.post("/patients", json=ADA)
    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    assert "a backup was put back" in refused.get_json()["detail"]
    assert client.get(known).get_json()["full_name"] == "Ada Lovelace"
    assert client.get("/readyz").status_code == 200


def test_all_goes_on_by_itself_when_the_mark_is_gone(app: Flask, settings: Settings) -> None:
    mark(settings)
    eventually(lambda: status_of_a_write(app) == 503, because="open connections learn of the mark")
    execute(settings, "UPDATE incarnation SET set_back_since = NULL")
    eventually(lambda: status_of_a_write(app) == 201, because="they learn that it is gone")


def test_a_database_without_the_table_is_written_to_as_before(app: Flask, settings: Settings) -> None:
    execute(settings, "DROP TABLE incarnation")
    fresh = make_app("patient", settings)
    assert status_of_a_write(fresh) == 201
    fresh.extensions["storage"].close()
