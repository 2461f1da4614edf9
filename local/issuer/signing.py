"""Signs access tokens (RFC 9068) with a key of its own, which is made at the start."""

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

from local.credentials import write_private

ALGORITHM: Final = "RS256"
LIVES_S: Final = 7 * 24 * 3600
"""A hospital on one machine is seldom left running for so long; `make up` makes new tokens."""

_SINCE_S: Final = 24 * 3600
"""By which tokens are older than they are: chaos sets the clocks of those who look at them back."""


class Signer:
    """One issuer: its name and its key."""

    def __init__(self, issuer: str, kept_in: Path | None = None) -> None:
        """Makes the key, or takes the one that was kept.

        Args:
            issuer: What it calls itself.
            kept_in: A file for the key, which only its owner can read; None keeps it nowhere.
        """
        self.issuer = issuer
        if kept_in is not None and kept_in.exists():
            self._key = RSAKey.import_key(json.loads(kept_in.read_text()))
            return
        self._key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig", "alg": ALGORITHM})
        if kept_in is not None:
            write_private(kept_in, json.dumps(self._key.as_dict(private=True)))

    def key_set(self) -> Mapping[str, Any]:
        """Returns the public part of the key, as a JSON Web Key Set."""
        return {"keys": [self._key.as_dict(private=False)]}

    def claims(self, role: str, scopes: Iterable[str], audience: str, now_s: int) -> dict[str, Any]:
        """Returns what a token says of whoever has a role."""
        return {
            "iss": self.issuer,
            "aud": audience,
            "sub": f"a-{role}",
            "client_id": "make-up",
            "jti": secrets.token_hex(16),
            "iat": now_s - _SINCE_S,
            "exp": now_s + LIVES_S,
            "scope": " ".join(scopes),
            "roles": [role],
        }

    def token(self, claims: Mapping[str, Any]) -> str:
        """Returns a token that says so."""
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self._key.kid}
        return jwt.encode(header, dict(claims), self._key)
