"""What every API answers alike, tried on the patient service and a real database."""

from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.processes import make_app
from infirmary.settings import Settings
from tests.integration.conftest import NewDatabase
from tests.integration.http.patient_service import ADA, app, client, rows, settings

__all__ = ["app", "client", "settings"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "field"),
    [
        ("{", "application/json", 400, "body"),
        ("", "application/json", 400, "body"),
        ("[]", "application/json", 422, "body"),
        ('{"full_name": "Ada"}', "application/json", 422, "body.date_of_birth"),
        ('{"full_name": "A\\u0000", "date_of_birth": "1815-12-10"}', "application/json", 422, "body.full_name"),
        ('{"full_name": "\\ud800", "date_of_birth": "1815-12-10"}', "application/json", 400, "body"),
        ('{"full_name": "Ada", "date_of_birth": "1815-13-10"}', "application/json", 422, "body.date_of_birth"),
        ('{"full_name": "Ada", "date_of_birth": "1815-12-10", "age": 1}', "application/json", 422, "body.age"),
        ("full_name=Ada", "application/x-www-form-urlencoded", 415, None),
    ],
)
def test_bad_input_is_answered_with_the_field_and_loses_nothing(
    client: FlaskClient, settings: Settings, body: str, content_type: str, status: int, field: str | None
) -> None:
    answer = client.post("/patients", data=body, content_type=content_type)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == status
    assert problem["title"]
    assert [error["field"] for error in problem["errors"]][:1] == ([field] if field else [])
    assert rows(settings, "SELECT FROM patients") == []


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "us-ascii", '"UTF-32"', "none"])
def test_a_body_in_another_charset_is_refused(client: FlaskClient, settings: Settings, charset: str) -> None:
    answer = client.post("/patients", json=ADA, content_type=f"application/json; charset={charset}")
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")
    assert "utf-8" in answer.get_json()["detail"]
    assert rows(settings, "SELECT FROM patients") == []


@pytest.mark.parametrize("parameters", ["", "; charset=utf-8", '; Charset="UTF-8"', "; version=1"])
def test_a_body_in_utf_8_is_taken_however_that_is_said(client: FlaskClient, parameters: str) -> None:
    answer = client.post("/patients", json=ADA, content_type=f"application/json{parameters}")
    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/patients/no-uuid", f"/patients/{UUID(int=0)}", "/nowhere"])
def test_what_does_not_exist_is_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_an_id_is_known_by_its_own_spelling_only(client: FlaskClient) -> None:
    created = UUID(client.post("/patients", json=ADA).get_json()["patient_id"])
    statuses = [
        client.get(f"/patients/{written}").status_code
        for written in (created, str(created).upper(), created.hex, created.urn, f"{{{created}}}")
    ]
    assert statuses == [200, 200, 404, 404, 404]


def test_an_id_in_another_spelling_is_refused_with_its_field(new_database: NewDatabase) -> None:
    app = make_app("prescription", new_database("prescription"))
    client, patient_id = app.test_client(), UUID(int=7)
    for odd in (patient_id.hex, patient_id.urn, f"{{{patient_id}}}"):
        body = {"patient_id": odd, "medication_code": "aspirin", "quantity": 1}
        for answer, field in (
            (client.post("/prescriptions", json=body), "body.patient_id"),
            (client.get("/prescriptions", query_string={"patient_id": odd}), "query.patient_id"),
        ):
            assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)
    assert client.get("/prescriptions", query_string={"patient_id": str(patient_id)}).status_code == 200
    app.extensions["storage"].close()


def test_a_method_that_is_not_allowed_is_answered_with_those_that_are(client: FlaskClient) -> None:
    answer = client.delete("/patients")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_request_that_is_too_large_is_refused(client: FlaskClient) -> None:
    answer = client.post("/patients", json={**ADA, "full_name": "A" * 100_000})
    assert answer.status_code == 413
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1&limit=2", "query.limit"),
        ("limit=1&limit=1", "query.limit"),
        ("limt=1", "query.limt"),
        *((f"limit={bad}", "query.limit") for bad in ("%2B1", "1_0", "1.0", "%201", "0", "201", "", "%D9%A1")),
        ("cursor=", "query.cursor"),
    ],
)
def test_a_parameter_that_is_repeated_unknown_or_written_strangely_is_refused(
    new_database: NewDatabase, query: str, field: str
) -> None:
    app = make_app("prescription", new_database("prescription"))
    client = app.test_client()
    answer = client.get(f"/prescriptions?{query}")
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)
    assert client.get("/prescriptions?limit=7").status_code == 200
    app.extensions["storage"].close()


def test_a_parameter_is_refused_where_there_are_none(client: FlaskClient) -> None:
    patient_id = client.post("/patients", json=ADA).get_json()["patient_id"]
    answer = client.get(f"/patients/{patient_id}?verbose=1")
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "query.verbose")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("date_of_birth", bad)
            for bad in ("0", "86400", "-1", "2000-1-1", "1799-12-31", "9999-01-01", "2000-01-01T00:00")
        ),
        *(
            ("full_name", bad)
            for bad in ("   ", "\u200b", "\xa0\u2003", "\x9b31m red", "A\u202eB", "A\u2028B", "\ufeff")
        ),
    ],
)
def test_what_is_no_date_and_no_name_is_refused_with_a_sentence(client: FlaskClient, field: str, value: str) -> None:
    answer = client.post("/patients", json={**ADA, field: value})
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["field"] == f"body.{field}"
    assert "should" in error["message"]


def test_a_field_that_is_given_twice_is_refused(client: FlaskClient, settings: Settings) -> None:
    body = '{"full_name": "Ada", "date_of_birth": "1815-12-10", "full_name": "Grace"}'
    answer = client.post("/patients", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "body.full_name")
    assert rows(settings, "SELECT FROM patients") == []


def test_a_database_that_is_away_is_503_with_retry_after_and_not_ready(unused_port: int) -> None:
    away = Settings(database_url=f"postgresql://a:b@127.0.0.1:{unused_port}/away", database_wait_s=0.2)
    app = make_app("patient", away)
    client = app.test_client()
    for answer in (client.post("/patients", json=ADA), client.get(f"/patients/{UUID(int=0)}"), client.get("/readyz")):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.content_type == "application/problem+json"
    assert client.get("/healthz").status_code == 200
    app.extensions["storage"].close()


def test_a_row_that_is_locked_too_long_is_503(client: FlaskClient, settings: Settings) -> None:
    patient_id = client.post("/patients", json=ADA).get_json()["patient_id"]
    with psycopg.connect(settings.as_owner().database_url) as other:
        other.execute("SELECT FROM patients FOR UPDATE")
        answer = client.put(f"/patients/{patient_id}/name", json={"full_name": "Ada King"})
    assert answer.status_code == 503
    assert client.put(f"/patients/{patient_id}/name", json={"full_name": "Ada King"}).status_code == 200


def test_a_correlation_id_is_taken_over_and_handed_on(client: FlaskClient, settings: Settings) -> None:
    answer = client.post("/patients", json=ADA, headers={"X-Correlation-ID": "the-story-so-far"})
    assert answer.headers["X-Correlation-ID"] == "the-story-so-far"
    ((header,),) = rows(settings, "SELECT header FROM outbox")
    assert b"the-story-so-far" in header


def test_the_interface_describes_itself(client: FlaskClient) -> None:
    description = client.get("/openapi.json").get_json()
    assert description["openapi"].startswith("3.1")
    assert "/patients/{patient_id}/name" in description["paths"]
    assert b"html" in client.get("/docs", follow_redirects=True).data
