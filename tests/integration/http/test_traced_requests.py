"""The span of a request: in the caller's trace or a new one, the parent of what the request writes."""

from collections.abc import Iterator

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.tracing.spans import Span
from tests.integration.conftest import NewDatabase
from tests.spans import Spans

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    """The settings of a patient service with a fresh database."""
    return new_database("patient")


@pytest.fixture
def told() -> Spans:
    """The spans that the service has told."""
    return Spans()


@pytest.fixture
def client(settings: Settings, told: Spans) -> Iterator[FlaskClient]:
    """A client of the patient service."""
    app = make_app("patient", settings, told.tracer())
    yield app.test_client()
    app.extensions["storage"].close()


def test_a_request_is_in_its_callers_trace_and_the_parent_of_its_messages(
    client: FlaskClient, settings: Settings, told: list[Span]
) -> None:
    headers = {"traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-of-tomorrow", "tracestate": "foo=1"}
    assert client.post("/patients", json=ADA, headers=headers).status_code == 201
    create, request = told
    assert (request.kind, request.name, request.parent) == ("server", "POST /patients", CALLERS)
    assert request.attributes["http.route"] == "/patients"
    assert request.attributes["http.response.status_code"] == 201
    assert create.parent == request.traceparent
    assert request.traceparent.startswith(f"00-{TRACE}-")
    assert request.tracestate == "foo=1"
    with psycopg.connect(settings.as_owner().database_url) as connection:
        [(header,)] = connection.execute("SELECT header FROM outbox").fetchall()
    assert create.traceparent.encode() in header
    assert b"\xa1\x0atracestate\xa1\x05foo=1" in header


def test_without_a_caller_it_begins_a_trace_that_the_ratio_samples(
    client: FlaskClient, settings: Settings, told: Spans
) -> None:
    client.post("/patients", json=ADA)
    assert told == []
    sampling = make_app("patient", settings, told.tracer(ratio=1.0))
    sampling.test_client().post("/patients", json=ADA)
    sampling.test_client().post("/patients", json=ADA, headers={"traceparent": f"{CALLERS[:-2]}00"})
    sampling.extensions["storage"].close()
    create, request = told
    assert request.parent is None
    assert create.parent == request.traceparent


def test_probes_are_no_requests(client: FlaskClient, told: list[Span]) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"traceparent": CALLERS}).status_code == 200
    assert told == []


def test_of_a_client_that_sends_anything_the_name_is_one_of_few(client: FlaskClient, told: list[Span]) -> None:
    headers = {"traceparent": CALLERS}
    client.open("/patients", method="ANYTHING", headers=headers)
    client.get("/no/such/path", headers=headers)
    assert [(span.name, span.attributes.get("http.route")) for span in told] == [("HTTP", None), ("GET", None)]
    assert told[0].attributes["http.request.method"] == "_OTHER"


def test_a_request_that_fails_is_an_error_and_one_that_is_refused_is_none(
    client: FlaskClient, settings: Settings, told: list[Span]
) -> None:
    headers = {"traceparent": CALLERS}
    client.post("/patients", json={}, headers=headers)
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE outbox CASCADE")
    client.post("/patients", json=ADA, headers=headers)
    assert [(span.kind, span.attributes["http.response.status_code"], span.error) for span in told] == [
        ("server", 422, None),
        ("server", 500, "500"),
    ]
