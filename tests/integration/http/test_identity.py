"""Who is let in, over HTTP, with a provider of identities that runs, is killed, and comes back with another key."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infirmary.settings import Settings
from local.ports import free_port
from tests.eventually import eventually
from tests.integration.http.issuer import Issuer, issuing
from tests.integration.http.patient_service import ADA
from tests.integration.http.served import Served, served

NOBODY = "/patients/018f4d1e-7d3a-7000-8000-000000000000"
OPEN = ("/healthz", "/readyz", "/openapi.json", "/docs/")


@pytest.fixture(scope="module")
def guarded(patients: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A patient service that lets in whom that provider knows."""
    with served("patient", patients, tmp_path_factory.mktemp("guarded"), OIDC_ISSUER=issuer.url) as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def register(api: Served, headers: dict[str, str], body: object = ADA) -> httpx.Response:
    return httpx.post(f"{api.url}/patients", json=body, headers=headers, timeout=20)


def fetched_and_failing_at(api: Served) -> tuple[float, float]:
    """Returns when the keys were fetched last, and since when that fails, as the metrics tell it."""
    told = dict(line.rsplit(" ", 1) for line in api.metrics() if line.startswith("infirmary_identity_"))
    at = [float(told[f"infirmary_identity_keys_{each}_timestamp_seconds"]) for each in ("fetched", "failing")]
    return at[0], at[1]


def test_whoever_bears_a_good_token_is_let_in(guarded: Served, issuer: Issuer) -> None:
    answer = register(guarded, bearer(issuer.tokens["HOSPITAL_TOKEN"]))
    assert answer.status_code == 201
    again = httpx.get(guarded.url + answer.headers["Location"], headers=bearer(issuer.tokens["HOSPITAL_TOKEN"]))
    assert again.json() == answer.json()


@pytest.mark.parametrize("body", [ADA, {}, "no patient at all"])
def test_who_asks_is_looked_at_before_what_is_asked(guarded: Served, body: object) -> None:
    answer = register(guarded, {}, body)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="infirmary"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Unauthorized"


@pytest.mark.parametrize("path", [NOBODY, "/patients/no-id-at-all", f"{NOBODY}?what=ever"])
def test_nobody_finds_out_without_a_token_what_there_is(guarded: Served, path: str) -> None:
    assert httpx.get(guarded.url + path).status_code == 401


@pytest.mark.parametrize("wrong", ["abc", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_is_not_good_is_refused_as_such(guarded: Served, wrong: str) -> None:
    answer = register(guarded, bearer(wrong))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_token_in_the_address_is_none(guarded: Served, issuer: Issuer) -> None:
    answer = httpx.get(f"{guarded.url}{NOBODY}?access_token={issuer.tokens['HOSPITAL_TOKEN']}")
    assert answer.status_code == 401


def test_two_headers_are_refused_though_both_are_good(guarded: Served, issuer: Issuer) -> None:
    header = f"Authorization: Bearer {issuer.tokens['HOSPITAL_TOKEN']}\r\n"
    answer = guarded.raw(f"GET {NOBODY} HTTP/1.1\r\nHost: it\r\nConnection: close\r\n{header}{header}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("path", OPEN)
def test_what_tells_of_the_service_and_of_nobody_is_open(guarded: Served, path: str) -> None:
    assert httpx.get(guarded.url + path).status_code == 200


def test_a_token_is_in_no_log(guarded: Served, issuer: Issuer) -> None:
    token = issuer.tokens["HOSPITAL_TOKEN"]
    register(guarded, bearer(token))
    register(guarded, bearer(token + "x"))
    assert token.rpartition(".")[2] not in guarded.process.log_path.read_text()


def test_a_token_of_another_provider_or_for_another_hospital_is_refused(
    patients: Settings, guarded: Served, issuer: Issuer, tmp_path: Path
) -> None:
    with issuing(tmp_path) as other:
        assert register(guarded, bearer(other.tokens["HOSPITAL_TOKEN"])).status_code == 401
    with served("patient", patients, tmp_path, OIDC_ISSUER=issuer.url, OIDC_AUDIENCE="elsewhere") as elsewhere:
        answer = register(elsewhere, bearer(issuer.tokens["HOSPITAL_TOKEN"]))
        assert "aud is not what it should be" in answer.headers["WWW-Authenticate"]


def test_who_may_not_do_this_is_told_what_it_takes_before_what_was_asked_is_looked_at(
    guarded: Served, issuer: Issuer
) -> None:
    cashier = bearer(issuer.tokens["HOSPITAL_TOKEN_CASHIER"])
    answer = register(guarded, cashier, "no patient at all")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].endswith('scope="patients:write"')
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert httpx.get(guarded.url + NOBODY, headers=cashier).status_code == 404  # this they may


def test_a_key_is_its_callers_own(guarded: Served, issuer: Issuer) -> None:
    headers = {"Idempotency-Key": "guessed"}
    clerk, all_of_it = bearer(issuer.tokens["HOSPITAL_TOKEN_WARD_CLERK"]), bearer(issuer.tokens["HOSPITAL_TOKEN"])
    first = register(guarded, headers | clerk)
    assert register(guarded, headers | clerk).json() == first.json()
    others = register(guarded, headers | all_of_it)
    assert others.status_code == 201
    assert others.json()["patient_id"] != first.json()["patient_id"]


def test_without_any_key_it_is_503_and_everybody_is_let_in_once_the_provider_is_there(
    patients: Settings, tmp_path: Path
) -> None:
    port = free_port()
    with served("patient", patients, tmp_path, OIDC_ISSUER=f"http://127.0.0.1:{port}") as api:
        with issuing(tmp_path) as another:  # whose tokens look good
            answer = register(api, bearer(another.tokens["HOSPITAL_TOKEN"]))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert httpx.get(f"{api.url}/readyz").status_code == 200  # to be restarted would not help
        assert register(api, {}).status_code == 401
        assert fetched_and_failing_at(api)[0] == 0 < fetched_and_failing_at(api)[1] < time.time()
        with issuing(tmp_path, port) as issuer:
            headers = bearer(issuer.tokens["HOSPITAL_TOKEN"])
            eventually(lambda: register(api, headers).status_code == 201, because="the keys are fetched")
            assert fetched_and_failing_at(api)[1] == 0 < fetched_and_failing_at(api)[0] < time.time()
            issuer.process.kill()
            assert register(api, headers).status_code == 201  # by the key that is known
        with issuing(tmp_path, port) as reborn:
            answer = register(api, bearer(reborn.tokens["HOSPITAL_TOKEN"]))
            assert "a key that its issuer does not have" in json.loads(answer.text)["detail"]  # not asked for so soon
