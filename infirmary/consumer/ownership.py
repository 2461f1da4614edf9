"""Whose a virtual host is: an exchange that names the database of the service that reads there. Pure.

Two systems on one virtual host would take each other's commands, and nothing would notice. An exchange can be
declared again only with the same arguments, so whoever has another database is told.
"""

import re
from typing import Final

_ALTERNATE: Final = "alternate-exchange"
_CURRENT = re.compile(r"current is (?:the value )?'([^']*)'")


class OwnedByAnother(Exception):
    """A service of the same name with another database reads from this virtual host."""


def marker(service: str, identity: str) -> tuple[str, dict[str, str]]:
    """Returns the name of the exchange that marks the virtual host of a service, and its arguments.

    Args:
        service: The service's name.
        identity: Its database's.
    """
    exchange = f"{service}.owner"
    return exchange, {_ALTERNATE: f"{exchange}.{identity}"}


def owned_by_another(service: str, identity: str, told_by_broker: str) -> OwnedByAnother:
    """Returns what to tell an operator, from the broker's own words about the arguments that differ."""
    found = _CURRENT.search(told_by_broker)
    other = found[1].removeprefix(f"{service}.owner.") if found else f"unknown ({told_by_broker})"
    return OwnedByAnother(
        f"this virtual host belongs to another {service}: its database is {other}, this one's is {identity}. Give each"
        f" system a virtual host of its own; if the database was replaced on purpose, run"
        f" `python -m infirmary {service} claim --yes`"
    )
