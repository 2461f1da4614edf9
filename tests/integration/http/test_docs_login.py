"""The page /docs logs somebody in at a provider that runs, as a browser does it, and asks with the token."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.http.issuer import Issuer
from tests.integration.http.patient_service import ADA
from tests.integration.http.served import Served, served

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def api(patients: Settings, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("docs")
    with served("patient", patients, folder, OIDC_ISSUER=issuer.url, OIDC_DOCS_CLIENT="docs") as running:
        eventually(lambda: "login" in schemes(running), because="the provider has said where one logs in")
        yield running


def schemes(api: Served) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Returns the ways in, as the document that the page reads has them."""
    document = httpx.get(f"{api.url}/docs/openapi.json", timeout=10).json()
    found: dict[str, dict[str, dict[str, dict[str, str]]]] = document["components"]["securitySchemes"]
    return found


def chosen(api: Served, authorize: str, role: str) -> str:
    """Returns the code that the page gets back for whoever chooses a role."""
    back = f"{api.url}/docs/oauth2-redirect.html"
    asked = {
        "response_type": "code", "client_id": "docs", "redirect_uri": back, "state": "page's",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    page = httpx.get(authorize, params=asked)
    link = re.search(f'href="([^"]*role={role})"', page.text)
    assert link, page.text
    sent_to = httpx.get(f"{authorize.removesuffix('/authorize')}{html.unescape(link[1])}").headers["Location"]
    assert sent_to.startswith(f"{back}?")
    said = parse_qs(urlsplit(sent_to).query)
    assert said["state"] == ["page's"]
    return said["code"][0]


def test_whoever_chooses_a_role_on_the_providers_page_may_do_what_it_may(api: Served) -> None:
    flow = schemes(api)["login"]["flows"]["authorizationCode"]
    code = chosen(api, flow["authorizationUrl"], "ward-clerk")
    form = {
        "grant_type": "authorization_code", "client_id": "docs", "code": code, "code_verifier": VERIFIER,
        "redirect_uri": f"{api.url}/docs/oauth2-redirect.html",
    }  # fmt: skip
    answer = httpx.post(flow["tokenUrl"], data=form, headers={"Origin": api.url})
    assert answer.headers["Access-Control-Allow-Origin"] == api.url
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert httpx.post(f"{api.url}/patients", json=ADA, headers=bearer, timeout=20).status_code == 201
    assert "patients:write" in answer.json()["scope"].split()
    again = httpx.post(flow["tokenUrl"], data=form)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_the_page_may_speak_to_the_provider_and_to_nobody_else(api: Served, issuer: Issuer) -> None:
    policy = httpx.get(f"{api.url}/docs/swagger").headers["Content-Security-Policy"]
    assert f"connect-src 'self' {issuer.url};" in policy
    settings = re.search(r"const oauthConfig = (.*);", httpx.get(f"{api.url}/docs/swagger").text)
    assert settings
    assert json.loads(settings[1]) == {"clientId": "docs", "usePkceWithAuthorizationCodeGrant": True}


def test_a_page_of_another_machine_reads_no_token_and_gets_no_code(issuer: Issuer) -> None:
    evil = "http://evil.example"
    for ask in (httpx.options(f"{issuer.url}/token", headers={"Origin": evil}),
                httpx.post(f"{issuer.url}/token", headers={"Origin": evil}, data={"code": "x"})):  # fmt: skip
        assert "Access-Control-Allow-Origin" not in ask.headers
    back = {"client_id": "docs", "redirect_uri": f"{evil}/docs/oauth2-redirect.html"}
    assert httpx.get(f"{issuer.url}/authorize", params=back).status_code == 400


def test_a_name_that_leads_here_for_a_moment_is_not_the_providers(issuer: Issuer) -> None:
    port = urlsplit(issuer.url).port
    rebound = {"Host": f"evil.example:{port}"}
    assert httpx.get(f"{issuer.url}/authorize", headers=rebound).status_code == 404
    assert httpx.post(f"{issuer.url}/token", headers=rebound).status_code == 404
