"""By which names an API lets itself be called: under any other, a stranger's page could read its answers as its own.

Such a page's name leads to the page's server first, and then to an address in here (DNS rebinding); the browser goes on
to send it as `Host`. It is always a name that somebody can register. Addresses, names without a dot and those that only
a cluster gives out are nobody's to register, so they are let through everywhere; whatever else is meant has to be said.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from flask import Flask, request

from infirmary.http.probes import LIVENESS, READINESS
from infirmary.http.problems import Problem

MISDIRECTED: Final = 421

_PROBES: Final = (LIVENESS, READINESS)
"""A balancer asks these by whatever name it likes."""

_OF_CLUSTERS_AND_MACHINES: Final = (".localhost", ".svc", ".cluster.local")
_PORT: Final = re.compile(r":[0-9]*$")
_LONGEST_SHOWN = 80


class Hosts:
    """The names that are let through."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Takes those that may be registered somewhere.

        Args:
            names: In small letters; `*.example.org` stands for every name below that one.
        """
        given = frozenset(names)
        self._exact = frozenset(name for name in given if not name.startswith("*."))
        self._ends = (*_OF_CLUSTERS_AND_MACHINES, *(name[1:] for name in given if name.startswith("*.")))

    def allow(self, header: str) -> bool:
        """Says whether a request with this header `Host` is meant for this server."""
        name = _PORT.sub("", header).removesuffix(".").lower()
        if not name:
            return False
        return name in self._exact or "." not in name or name.endswith(self._ends) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def check_hosts(app: Flask, names: Iterable[str]) -> None:
    """Answers 421 to a request that came under a name which is none of this server's.

    Args:
        app: After what gives a request its cause and counts it.
        names: Those of the server that may be registered somewhere.
    """
    hosts = Hosts(names)

    @app.before_request
    def check() -> None:
        host = request.environ.get("HTTP_HOST")  # None: by HTTP/1.0, which no browser speaks
        if host is None or hosts.allow(host) or request.path in _PROBES:
            return
        shown = host[:_LONGEST_SHOWN]
        raise Problem(MISDIRECTED, f"{shown!r} is no name of this server; the variable HTTP_HOSTS lists those it has")
