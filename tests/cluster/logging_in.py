"""Logs people and machines in at Keycloak, as a browser and a device do."""

import base64
import hashlib
import html
import re
import secrets
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx

REDIRECT: Final = "http://localhost:8101/docs/oauth2-redirect.html"
"""The page that the browser is sent back to; the test is that page."""

PORTS: Final = {"http": 8080, "https": 8443}

_FORM: Final = re.compile(r'<form[^>]+action="([^"]+)"')
_ENDPOINTS: Final = "/realms/hospital/protocol/openid-connect"


class Provider:
    """Keycloak behind a forwarded port."""

    def __init__(self, port: int, authority: Path | None) -> None:
        """Prepares the way to it.

        Args:
            port: The forwarded one.
            authority: The certificates to trust, if it speaks TLS.
        """
        scheme = "http" if authority is None else "https"
        self._origin = f"{scheme}://127.0.0.1:{port}"
        self._url = f"{self._origin}{_ENDPOINTS}"
        self._trusted = True if authority is None else ssl.create_default_context(cafile=authority)
        # By another one it takes a plain connection for a secure one, and its cookies come back over no other.
        self._name = f"keycloak:{PORTS[scheme]}"

    def person(self, name: str, password: str) -> str:
        """Returns the access token of somebody who gives name and password to Keycloak's page (code flow with PKCE)."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": "docs",
            "redirect_uri": REDIRECT,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        with httpx.Client(timeout=30, headers={"Host": self._name}, verify=self._trusted) as browser:
            page = browser.get(f"{self._url}/auth", params=asked)
            form = _FORM.search(page.text)
            assert form, page.text
            given = {"username": name, "password": password}
            answer = browser.post(self._here(html.unescape(form.group(1))), data=given)
            sent_to = answer.headers["Location"]
        assert sent_to.startswith(REDIRECT)
        said = parse_qs(urlsplit(sent_to).query)
        assert said["state"] == [state]
        return self._token(
            {
                "grant_type": "authorization_code",
                "client_id": "docs",
                "redirect_uri": REDIRECT,
                "code": said["code"][0],
                "code_verifier": verifier,
            }
        )

    def machine(self, name: str, secret: str) -> str:
        """Returns the access token of a machine, which has a secret."""
        return self._token({"grant_type": "client_credentials", "client_id": name, "client_secret": secret})

    def _token(self, asked: dict[str, str]) -> str:
        answer = httpx.post(f"{self._url}/token", data=asked, timeout=30, verify=self._trusted)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def _here(self, url: str) -> str:
        """Returns an address of Keycloak's under which it can be asked from here."""
        at = urlsplit(url)
        return f"{self._origin}{at.path}?{at.query}"
