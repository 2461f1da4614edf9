"""The provider's public keys, as its JSON Web Key Set tells them."""

import warnings
from collections.abc import Mapping
from typing import Any, Final

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

PublicKey = RSAKey | ECKey | OKPKey
Keys = Mapping[str, PublicKey]
"""By the name (`kid`) that a token calls its key by."""

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip
"""Those with a private and a public key. With a shared one, whoever can check a token could make it."""

_SMALLEST_RSA_BITS: Final = 2048
_KINDS: Final = ("RSA", "EC", "OKP")


def keys_in(key_set: object) -> Keys:
    """Returns the keys of a JSON Web Key Set that can check signatures; others in it are left out (RFC 7517, 5).

    Raises:
        ValueError: There is none.
    """
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    found = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and _is_for_signatures(each):
            key = _imported(each)
            if key is not None:
                found[str(each["kid"])] = key
    if not found:
        raise ValueError("the key set holds no key that can check a signature and has a name (kid)")
    return found


def _is_for_signatures(key: Mapping[str, Any]) -> bool:
    return (
        key.get("kty") in _KINDS
        and isinstance(key.get("kid"), str)
        and key.get("use", "sig") == "sig"
        and key.get("alg", ALGORITHMS[0]) in ALGORITHMS
    )


def _imported(said: dict[str, Any]) -> PublicKey | None:
    public = {name: value for name, value in said.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of a short key, which is left out below
            key = import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= _SMALLEST_RSA_BITS else None
    return key if isinstance(key, ECKey | OKPKey) else None
