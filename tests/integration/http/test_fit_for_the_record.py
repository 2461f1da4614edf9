"""Whatever a client sends, what is told of it can be read by who keeps the record: it takes nobody else's off it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from infirmary.access.records import Access, AccessRecorded
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.http.issuer import Issuer
from tests.integration.http.patient_service import ADA, rows
from tests.integration.http.served import Served, served

NOBODY = "/patients/018f4d1e-7d3a-7000-8000-000000000000"
LONG = "a" * 2000


@pytest.fixture(scope="module")
def recorded(patients: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A patient service that puts everything on record, and asks who it is."""
    folder = tmp_path_factory.mktemp("recorded")
    with served("patient", patients, folder, OIDC_ISSUER=issuer.url, ACCESS_RECORDED_BY="audit") as running:
        yield running


def told(settings: Settings) -> list[Access]:
    """Returns what audit reads; a message that it could not read ends the test."""
    bodies = rows(settings, "SELECT body FROM outbox WHERE target = 'patient.to.audit' ORDER BY id")
    return [access for (body,) in bodies for access in AccessRecorded.model_validate_json(bytes(body)).accesses]


def of(settings: Settings, answer: httpx.Response) -> Access:
    """Returns what is on record of an answer."""

    def found() -> list[Access]:
        return [each for each in told(settings) if each.correlation_id == answer.headers["X-Correlation-ID"]]

    return eventually(found, because="it is on record")[0]


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": [LONG]},
        {"roles": [""]},
        {"roles": ["doctor", "of\x00night"]},
        {"roles": ["doctor", "of\u202enight"]},
        {"roles": [["doctor"]]},
        {"sub": LONG},
        {"sub": ""},
        {"sub": "eve\nadam"},
        {"sub": 7},
    ],
    ids=lambda claims: json.dumps(claims)[:30],
)
def test_who_is_called_what_nobody_can_be_called_is_let_in_nowhere_and_on_record_as_nobody(
    claims: Mapping[str, Any], recorded: Served, patients: Settings, issuer: Issuer
) -> None:
    answer = httpx.get(recorded.url + NOBODY, headers=issuer.headers(**claims))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert (of(patients, answer).caller, of(patients, answer).roles) == (None, [])


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "\u00e5" * 255, "roles": ["\U0001f3e5" * 255]},
        {"roles": ["r" * 255] * 20},
        {"roles": ["r"] * 1000},
        {"roles": []},
        {"client_id": LONG},
        {"client_id": "a\x00b"},
        {"scope": f"patients:read {LONG}"},
        {"scope": "patients:read a\x00b"},
    ],
    ids=lambda claims: json.dumps(claims)[:30],
)
def test_whatever_else_a_token_says_its_bearer_is_on_record_by_name(
    claims: Mapping[str, Any], recorded: Served, patients: Settings, issuer: Issuer
) -> None:
    answer = httpx.get(recorded.url + NOBODY, headers=issuer.headers(**claims))
    assert answer.status_code == 404
    found = of(patients, answer)
    assert (found.caller, found.roles) == (claims.get("sub", "a-doctor"), claims.get("roles", ["doctor"]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Correlation-ID", LONG),
        ("X-Correlation-ID", b"\xff\xfe"),
        ("X-Correlation-ID", "with spaces in it"),
        ("X-Forwarded-For", LONG),
        ("X-Forwarded-For", b"\xff"),
        ("Forwarded", f"for={LONG}"),
        ("X-HTTP-Method-Override", LONG),
        ("traceparent", LONG),
        ("tracestate", LONG),
        ("Idempotency-Key", LONG),
    ],
)
def test_no_header_of_a_clients_choosing_makes_a_request_unfit_for_the_record(
    name: str, value: str | bytes, recorded: Served, patients: Settings, issuer: Issuer
) -> None:
    headers = [*issuer.headers().items(), (name, value)]
    encoded = [(key.encode(), said.encode() if isinstance(said, str) else said) for key, said in headers]
    with httpx.Client(base_url=recorded.url, headers=encoded) as client:
        answers = [client.get(NOBODY), client.post("/patients", json=ADA)]
    assert [of(patients, answer).address for answer in answers] == ["127.0.0.1"] * 2


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "BREW", "M" * 20, "get"])
@pytest.mark.parametrize(
    "path", [NOBODY, f"/patients/{LONG}", "/patients/%00%ff", "/patients/{018f4d1e-7d3a-7000-8000}"]
)
def test_no_method_and_no_path_makes_a_request_unfit_for_the_record(
    method: str, path: str, recorded: Served, patients: Settings, issuer: Issuer
) -> None:
    with httpx.Client(base_url=recorded.url, headers=issuer.headers()) as client:
        assert client.request(method, path).status_code < 500
        assert of(patients, client.get(path)).route == "/patients/<patient_id>"
