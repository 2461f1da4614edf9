"""The page on which somebody chooses who they are, and the token that they get for it."""

import html
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from local.issuer.codes import Codes, Unacceptable, asked_in
from local.issuer.signing import LIVES_S, Signer

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Who are you?</title>
<style>body {{ font: 1.1em/1.6 sans-serif; max-width: 30em; margin: 3em auto }} a {{ display: block }}</style></head>
<body><h1>Who are you?</h1><p>This provider is for one machine. It asks nobody for a password.</p>
{choices}
</body></html>
"""
_LOCAL_PAGE: Final = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\]):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a request."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes = b""


def answered(
    status: HTTPStatus,
    body: bytes = b"",
    kind: str = "application/json",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """Returns an answer that nobody keeps and no other page shows.

    Args:
        status: Of HTTP.
        body: Of the kind that is said.
        kind: What the body is.
        headers: Further ones.
    """
    safe = {
        "Content-Type": kind,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return Answer(status, {**safe, **headers}, body)


@dataclass(frozen=True)
class Login:
    """Logs in by a choice."""

    signer: Signer
    roles: Mapping[str, Iterable[str]]
    """The scopes of each."""

    audience: str
    codes: Codes = field(default_factory=Codes)

    def page(self, query: Mapping[str, str]) -> Answer:
        """Returns the page of all roles, or sends back whoever has chosen one."""
        try:
            asked = asked_in(query)
        except Unacceptable as wrong:
            return answered(HTTPStatus.BAD_REQUEST, f"{wrong}\n".encode(), "text/plain")
        chosen = query.get("role")
        if chosen is not None and chosen in self.roles:
            said = {"code": self.codes.give(asked, chosen, time.monotonic()), "state": asked.state}
            return answered(HTTPStatus.FOUND, headers={"Location": f"{asked.redirect_uri}?{urlencode(said)}"})
        choices = "\n".join(_link({**query, "role": role}, role) for role in self.roles)
        return answered(HTTPStatus.OK, _PAGE.format(choices=choices).encode(), "text/html; charset=utf-8")

    def token(self, form: Mapping[str, str], origin: str | None) -> Answer:
        """Returns a token for a code, to be read by a page of this machine."""
        try:
            role = self.codes.take(form, time.monotonic())
        except Unacceptable as wrong:
            return _told(HTTPStatus.BAD_REQUEST, {"error": str(wrong)}, origin)
        claims = self.signer.claims(role, self.roles[role], self.audience, int(time.time()))
        token = {"access_token": self.signer.token(claims), "token_type": "Bearer", "expires_in": LIVES_S}
        return _told(HTTPStatus.OK, {**token, "scope": claims["scope"]}, origin)

    def preflight(self, origin: str | None) -> Answer:
        """Says whether a page may ask for a token."""
        allowed = {
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "authorization, content-type, x-requested-with",
        }
        return answered(HTTPStatus.NO_CONTENT, headers={**_readable_by(origin), **allowed})


def _told(status: HTTPStatus, said: Mapping[str, Any], origin: str | None) -> Answer:
    return answered(status, json.dumps(said).encode(), headers=_readable_by(origin))


def _readable_by(origin: str | None) -> dict[str, str]:
    is_local = origin is not None and _LOCAL_PAGE.fullmatch(origin)
    return {"Vary": "Origin"} | ({"Access-Control-Allow-Origin": str(origin)} if is_local else {})


def _link(query: Mapping[str, str], role: str) -> str:
    address = html.escape(f"/authorize?{urlencode(query)}")
    return f'<a href="{address}">{html.escape(role.replace("-", " "))}</a>'
