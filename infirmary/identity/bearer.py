"""Finds the token in a request: in the one header that it belongs into, and nowhere else.

A token in a URL would stand in logs, histories and referrers, so none is looked for there.
"""

import re
from typing import Final

from infirmary.identity.refusal import invalid_token, no_token

_SCHEME: Final = "bearer"
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750's b64token. No comma: two headers reach an application as one with a comma between."""


def token_in(authorization: str | None) -> str:
    """Returns the token of a request.

    Args:
        authorization: The value of its header `Authorization`, None where there is none.

    Raises:
        Refused: It holds none, or more than one.
    """
    scheme, _, rest = (authorization or "").strip().partition(" ")
    if scheme.lower() != _SCHEME:
        raise no_token()
    token = rest.strip(" ")
    if not _TOKEN.fullmatch(token):
        raise invalid_token("the header Authorization should be Bearer and one token, once")
    return token
