"""Asks a provider of identities what it has (OpenID Connect Discovery), and for its keys."""

import http.client
import json
import urllib.request
from typing import Any, Final

from infirmary.identity.discovery import LoginPlace, key_set_url, login_place
from infirmary.identity.keys import Keys, keys_in

WITHIN_S: Final = 3.0
_LARGEST_BYTES: Final = 1_000_000
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A provider's documents are where it says that they are; elsewhere somebody else may answer."""

    def redirect_request(self, *_: Any) -> None:
        """Follows none."""


class Provider:
    """One issuer, as it describes itself."""

    def __init__(self, issuer: str) -> None:
        """Asks for nothing yet.

        Args:
            issuer: Its URL, as it calls itself in its tokens.
        """
        self.issuer = issuer
        self.login_place: LoginPlace | None = None
        """By what it has said last; None before that, and where nobody logs in."""

    def fetch_keys(self) -> Keys:
        """Returns the keys that the issuer has now.

        Raises:
            OSError: It does not answer, or not well.
            ValueError: Its answer is none of an issuer of this name.
        """
        said = _document(self.issuer.rstrip("/") + _WELL_KNOWN)
        keys = keys_in(_document(key_set_url(said, self.issuer)))
        self.login_place = login_place(said, self.issuer)
        return keys


def _document(url: str) -> object:
    opener = urllib.request.build_opener(_NoRedirection)  # each time: it reads SSL_CERT_FILE, which may have changed
    try:
        with opener.open(url, timeout=WITHIN_S) as answer:
            body = answer.read(_LARGEST_BYTES + 1)
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error!r}") from None
    if len(body) > _LARGEST_BYTES:
        raise ValueError(f"{url}: too large an answer")
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError(f"{url}: too deep an answer") from None
