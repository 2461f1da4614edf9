"""Asks who sends a request before anything else of it is looked at."""

from collections.abc import Callable
from typing import Any, Final

from flask import Flask, current_app, g, request
from flask_openapi3.models.security_scheme import SecurityScheme

from infirmary.http.callers import count_bearer, count_sender
from infirmary.http.problems import Problem, unavailable
from infirmary.identity import freshness  # noqa: F401 its series are there whether anybody is asked or not
from infirmary.identity.caller import Caller
from infirmary.identity.refusal import KeysMissing, Refused
from infirmary.identity.scopes import Needed, check_allowed

_PLACE: Final = "who_asks"
SCHEME: Final = "token"
SECURITY: Final[dict[str, SecurityScheme | dict[str, Any]]] = {
    SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
}
"""How OpenAPI says that a caller brings an access token."""

Asks = Callable[[str | None], Caller]
"""Returns who bears the value of a header `Authorization`, or raises `Refused` or `KeysMissing`."""


def guard(app: Flask, who_asks: Asks | None) -> None:
    """Has an application's endpoints ask for a caller; None lets everybody in."""
    app.extensions[_PLACE] = who_asks


def let_in(needed: Needed) -> Caller | None:
    """Returns who sends the request in hand, None where nobody is asked for.

    Args:
        needed: What they have to be allowed to.

    Raises:
        Problem: It is not known who that is, it cannot be found out now, they may not, or it is one request too many.
    """
    who_asks: Asks | None = current_app.extensions[_PLACE]
    if who_asks is None:
        return None
    try:
        caller = g.caller = who_asks(request.headers.get("Authorization"))
    except Refused as refused:
        count_sender(request)
        raise _told(refused) from None
    except KeysMissing as missing:
        count_sender(request)
        raise unavailable(str(missing)) from None
    count_bearer(caller.subject)
    try:
        check_allowed(caller, needed, {name for name, value in request.args.items() if value})
    except Refused as refused:
        raise _told(refused) from None
    return caller


def _told(refused: Refused) -> Problem:
    return Problem(refused.status, refused.detail, headers={"WWW-Authenticate": refused.challenge})
