"""Who sends a request, and that none of them gets more of an API than its share.

A caller is who its token says, so that those who come through one proxy are told apart. Whoever has no good token is
where the request came from.
"""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any, Final

from flask import Flask, Request, current_app, request

from infirmary.http.probes import LIVENESS, READINESS
from infirmary.http.problems import Problem
from infirmary.http.rates import CallerRates

TOO_MANY: Final = 429

_NOT_LIMITED: Final = (LIVENESS, READINESS, "/metrics")
"""Whoever asks these decides whether the process lives."""

_HOST_BITS_V6: Final = 64
_RATES: Final = "caller_rates"
_KNOWS: Final = "knows_bearer"

Knows = Callable[[str | None], str | None]
"""Returns whose token a header `Authorization` holds, of one that was found good before; None for any other."""


def sender_at(address: str) -> str:
    """Returns whom a request is counted for that comes from an address.

    Of an address of IPv6 it is the network: whoever has one address has all others of it, too.
    """
    if ":" not in address:
        return address
    try:
        known = IPv6Address(address)
    except ValueError:
        return address
    if known.ipv4_mapped is not None:
        return address
    return f"{IPv6Address(int(known) >> _HOST_BITS_V6 << _HOST_BITS_V6)}/{_HOST_BITS_V6}"


def sender_of(app: Flask, head: Any, client: Any) -> str:
    """Returns whose turn a request waits for, by what can be told without work.

    Args:
        app: What is to answer it.
        head: The request as gunicorn has read it.
        client: The other end of its connection.
    """
    said = [value for name, value in head.headers if name == "AUTHORIZATION"]
    subject = app.extensions[_KNOWS](said[0]) if len(said) == 1 else None
    return sender_at(client[0] if client else "") if subject is None else _bearer(subject)


def _bearer(subject: str) -> str:
    return f"sub {subject}"  # no address has a space


def limit_callers(app: Flask, per_s: int, knows: Knows | None) -> None:
    """Answers 429 to a caller that sends more than its share; each process counts for itself.

    Where an endpoint asks who it is, `count_bearer` and `count_sender` count, once that is known; all else counts here.

    Args:
        app: After what gives a request its cause and counts it.
        per_s: Requests of one caller per second; 0 for no limit.
        knows: Tells bearers of good tokens; None where nobody is asked for one.
    """
    app.extensions[_RATES] = CallerRates(per_s) if per_s else None
    app.extensions[_KNOWS] = knows or (lambda _: None)

    @app.before_request
    def count() -> None:
        is_asked_for_token = knows is not None and request.blueprint == app.name
        if not is_asked_for_token and request.path not in _NOT_LIMITED:
            count_sender(request)


def count_sender(asked: Request) -> None:
    """Counts a request for where it came from.

    Raises:
        Problem: It is one too many.
    """
    _count(sender_at(asked.remote_addr or ""))


def count_bearer(subject: str) -> None:
    """Counts a request for who sends it.

    Raises:
        Problem: It is one too many.
    """
    _count(_bearer(subject))


def _count(caller: str) -> None:
    rates: CallerRates | None = current_app.extensions[_RATES]
    if rates is None:
        return
    wait_s = rates.wait_s(caller, time.monotonic())
    if wait_s:
        seconds = math.ceil(wait_s)
        raise Problem(
            TOO_MANY,
            f"you have sent more than {rates.per_s} requests per second for a while; go on in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )
