"""Decides whether a token is good (RFC 9068), and what it says of its bearer. Pure: keys and time are given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError, MissingClaimError

from infirmary.identity.caller import Caller
from infirmary.identity.keys import ALGORITHMS, PublicKey
from infirmary.identity.refusal import invalid_token

LEEWAY_S: Final = 30
"""By how much the provider's clock and ours may differ."""

LONGEST_TOKEN_BYTES: Final = 8192
_LONGEST_NAME: Final = 255
_TYPES: Final = ("at+jwt", "application/at+jwt")
"""A token of another type was made for something else: an ID token, for one, tells a client who has logged in there."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose tokens count, and whom they have to be for."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Good:
    """What a good token says."""

    caller: Caller
    until_s: float
    """When it is over, in seconds since 1970."""


def key_name(token: str) -> str:
    """Returns by which key a token says that it is signed. Nothing of it is believed yet.

    Raises:
        Refused: It is no such token, or by an algorithm that nobody should trust.
    """
    if len(token) > LONGEST_TOKEN_BYTES:
        raise invalid_token("the access token is too long")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise invalid_token("the access token is no signed JSON Web Token") from None
    if header.get("alg") not in ALGORITHMS:
        raise invalid_token("the access token should be signed by an algorithm with a public key")
    kind = header.get("typ")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise invalid_token("the token should be an access token, of the type at+jwt")
    name = header.get("kid")
    if not isinstance(name, str):
        raise invalid_token("the access token should name its key")
    return name


def checked(token: str, key: PublicKey, expected: Expected, now_s: int) -> Good:
    """Returns who bears a token, and for how long.

    Args:
        token: One whose `key_name` was looked up.
        key: That key.
        expected: Whose tokens count.
        now_s: Seconds since 1970.

    Raises:
        Refused: The token is not good.
    """
    try:
        claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
        _registry(expected, now_s).validate(claims)
    except ExpiredTokenError:
        raise invalid_token("the access token has expired") from None
    except MissingClaimError as missing:
        raise invalid_token(f"the access token lacks {missing.claim}") from None
    except ClaimError as wrong:
        raise invalid_token(f"the access token's {wrong.claim} is not what it should be") from None
    except (JoseError, ValueError, TypeError, RecursionError):
        raise invalid_token("the access token's signature is not good") from None
    return Good(Caller(_subject(claims), _scopes(claims), _roles(claims)), claims["exp"] + LEEWAY_S)


def _registry(expected: Expected, now_s: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.audience},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims["sub"]
    if not _is_name(subject):
        raise invalid_token("the access token's sub is not what it should be")
    return str(subject)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    said = claims.get("scope", "")
    if not isinstance(said, str):
        raise invalid_token("the access token's scope should be a text")
    return frozenset(said.split(" ")) - {""}


def _roles(claims: Mapping[str, Any]) -> tuple[str, ...]:
    said = claims.get("roles", [])
    if not isinstance(said, list) or not all(map(_is_name, said)):
        raise invalid_token(f"the access token's roles should be a list of names of 1 to {_LONGEST_NAME} characters")
    return tuple(said)


def _is_name(said: object) -> bool:
    """Says whether somebody or something can be called so: on record, in a log and in a header."""
    return isinstance(said, str) and 0 < len(said) <= _LONGEST_NAME and said.isprintable()
