"""Tokens as a provider makes them, and as one should not."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

from infirmary.identity.keys import ALGORITHMS
from infirmary.identity.tokens import Expected

NOW_S = 1_900_000_000
EXPECTED = Expected("https://identity.example", "infirmary")
KEY = RSAKey.generate_key(2048, {"kid": "of-today", "use": "sig", "alg": "RS256"})
STRANGERS = RSAKey.generate_key(2048, {"kid": "of-today", "use": "sig", "alg": "RS256"})
HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": "of-today"}
CLAIMS: dict[str, Any] = {
    "iss": EXPECTED.issuer,
    "aud": EXPECTED.audience,
    "sub": "ada",
    "iat": NOW_S - 10,
    "exp": NOW_S + 300,
    "scope": "patients:read patients:write",
    "roles": ["ward-clerk"],
}


def signed(
    claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None, key: RSAKey = KEY, **changed: Any
) -> str:
    """Returns a good token, but for what is given; a claim that is None is left out."""
    said = {name: value for name, value in {**(claims or CLAIMS), **changed}.items() if value is not None}
    return jws.serialize_compact({**HEADER, **(header or {})}, json.dumps(said), key, algorithms=ALGORITHMS)


def unsigned() -> str:
    """Returns a token of the algorithm `none`, which everybody can make."""
    return f"{_part({**HEADER, 'alg': 'none'})}.{_part(CLAIMS)}."


def signed_with_the_public_key() -> str:
    """Returns a token whose shared secret is the public key, for who lets the token choose the algorithm."""
    secret = OctKey.import_key(KEY.as_pem(private=False).replace(b"-----", b""))
    return jwt.encode({**HEADER, "alg": "HS256"}, CLAIMS, secret, algorithms=["HS256"])


def tampered() -> str:
    """Returns a token in which somebody has given himself another name after it was signed."""
    head, _, signature = signed().split(".")
    return f"{head}.{_part({**CLAIMS, 'sub': 'eve'})}.{signature}"


def by_another_algorithm() -> str:
    """Returns a token of a good key, by an algorithm that the key is not for."""
    of_any = RSAKey.import_key({name: value for name, value in KEY.as_dict(private=True).items() if name != "alg"})
    return signed(header={"alg": "RS512"}, key=of_any)


def without_header(name: str) -> str:
    """Returns a token whose header lacks something."""
    return jwt.encode({key: value for key, value in HEADER.items() if key != name}, CLAIMS, KEY)


def critical() -> str:
    """Returns a token whose header names an extension that has to be known and that nobody here knows; signed well."""
    said = f"{_part({**HEADER, 'crit': ['unheard-of'], 'unheard-of': True})}.{_part(CLAIMS)}".encode()
    signature = KEY.raw_value.sign(said, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr]
    return f"{said.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _part(said: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
