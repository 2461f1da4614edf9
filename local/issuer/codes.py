"""Logs a page of /docs in by the authorization code flow with PKCE (RFC 6749, 7636, 8252). Pure but for chance.

Nobody is asked for a password, as whoever is on this machine may have every role. So a code is given to pages of this
machine alone, and is worth something only to the page that has asked for it.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CLIENT: Final = "docs"
GOOD_FOR_S: Final = 60.0

_BACK: Final = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\]):[0-9]{1,5}/docs/oauth2-redirect\.html")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE: Final = re.compile(r"[\x20-\x7e]{0,1000}")


class Unacceptable(Exception):
    """Nobody is logged in by this; the text is RFC 6749's word for why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page wants to be logged in for."""

    redirect_uri: str
    state: str
    challenge: str


def asked_in(query: Mapping[str, str]) -> Asked:
    """Returns what the parameters of an address ask for.

    Raises:
        Unacceptable: It is no login of a page of this machine.
    """
    asked = Asked(*(query.get(name, "") for name in ("redirect_uri", "state", "code_challenge")))
    if query.get("client_id") != CLIENT or not _BACK.fullmatch(asked.redirect_uri):
        raise Unacceptable("invalid_client")
    if query.get("response_type") != "code":
        raise Unacceptable("unsupported_response_type")
    is_s256 = query.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(asked.challenge)
    if not is_s256 or not _STATE.fullmatch(asked.state):
        raise Unacceptable("invalid_request")
    return asked


@dataclass(frozen=True, slots=True)
class _Given:
    asked: Asked
    role: str
    until_s: float


class Codes:
    """The codes that were given and not yet taken back."""

    def __init__(self) -> None:
        self._given: dict[str, _Given] = {}

    def give(self, asked: Asked, role: str, now_s: float) -> str:
        """Returns a code for a role, good for a minute and for one time."""
        self._given = {code: each for code, each in self._given.items() if each.until_s > now_s}
        code = secrets.token_urlsafe(32)
        self._given[code] = _Given(asked, role, now_s + GOOD_FOR_S)
        return code

    def take(self, form: Mapping[str, str], now_s: float) -> str:
        """Returns the role of a code.

        Args:
            form: What the page sends for a token.
            now_s: By the clock that `give` was told.

        Raises:
            Unacceptable: It is none, or another one's; either way it is worth nothing any more.
        """
        if form.get("grant_type") != "authorization_code":
            raise Unacceptable("unsupported_grant_type")
        given = self._given.pop(form.get("code", ""), None)
        if given is None or given.until_s <= now_s or form.get("client_id") != CLIENT:
            raise Unacceptable("invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if form.get("redirect_uri") != given.asked.redirect_uri or proof != given.asked.challenge:
            raise Unacceptable("invalid_grant")
        return given.role

    def __len__(self) -> int:
        """How many there are."""
        return len(self._given)
