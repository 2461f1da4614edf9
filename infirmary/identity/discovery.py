"""What a provider says of itself: where its keys are, and where it logs people in (OpenID Connect Discovery). Pure."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_URL: Final = re.compile(r"[a-z]+://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?")
"""No character of a host's that would mean something in a header."""


@dataclass(frozen=True, slots=True)
class LoginPlace:
    """Where a browser logs somebody in (the authorization code flow of OAuth 2.0)."""

    authorize_url: str
    token_url: str


def key_set_url(configuration: object, issuer: str) -> str:
    """Returns where the keys are, by what an issuer says of itself.

    Raises:
        ValueError: It calls itself otherwise, or its keys are not where a thief could not change them on the way.
    """
    said = configuration if isinstance(configuration, dict) else {}
    if said.get("issuer") != issuer:
        raise ValueError("the provider calls itself by another name than OIDC_ISSUER")
    url = _url(said.get("jwks_uri"), issuer)
    if url is None:
        raise ValueError(f"the provider's jwks_uri should be a URL that begins with {' or '.join(_schemes(issuer))}")
    return url


def login_place(configuration: object, issuer: str) -> LoginPlace | None:
    """Returns where a browser logs somebody in, if the issuer says so, and nobody can listen on the way there."""
    said = configuration if isinstance(configuration, dict) else {}
    authorize_url, token_url = (_url(said.get(f"{each}_endpoint"), issuer) for each in ("authorization", "token"))
    return None if authorize_url is None or token_url is None else LoginPlace(authorize_url, token_url)


def _url(said: object, issuer: str) -> str | None:
    is_good = isinstance(said, str) and _URL.fullmatch(said) and urlsplit(said).scheme in _schemes(issuer)
    return str(said) if is_good else None


def _schemes(issuer: str) -> tuple[str, ...]:
    return ("https",) if urlsplit(issuer).scheme == "https" else ("https", "http")
