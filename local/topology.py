"""Who runs on one machine and on which ports: the one table that the launcher, the demo and the tests read."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from keyword import iskeyword

from local.errors import LocalError

PORT_BASE_VARIABLE = "INFIRMARY_PORT_BASE"
DEFAULT_PORT_BASE = 8100
MOST_SERVICES = 99


class Engine(StrEnum):
    """The kind of database that a service owns."""

    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"


class Role(StrEnum):
    """What one process of a service does; the value is a word of its command line."""

    API = "api"
    CONSUMER = "consumer"
    RELAY = "relay"


_METRICS_PORT_OFFSETS = {Role.API: 300, Role.CONSUMER: 100, Role.RELAY: 200}
HIGHEST_PORT_BASE = 65535 - max(_METRICS_PORT_OFFSETS.values()) - MOST_SERVICES


@dataclass(frozen=True)
class Service:
    """One service: its name, its place in the port plan and its database."""

    name: str
    number: int
    database: str
    engine: Engine = Engine.POSTGRESQL
    has_relay: bool = True

    @property
    def roles(self) -> tuple[Role, ...]:
        """The processes this service consists of."""
        return tuple(role for role in Role if role is not Role.RELAY or self.has_relay)

    def port_offset(self, role: Role) -> int:
        """How far above the port base this role answers /readyz: an API where it answers its clients, too."""
        return self.number if role is Role.API else self.metrics_port_offset(role)

    def metrics_port_offset(self, role: Role) -> int:
        """How far above the port base this role shows its metrics."""
        return self.number + _METRICS_PORT_OFFSETS[role]


SERVICES = (
    Service("patient", 1, "patients"),
    Service("prescription", 2, "prescriptions"),
    Service("inventory", 3, "inventory"),
    Service("billing", 4, "billing"),
    Service("ward", 5, "wards"),
    Service("lab", 6, "lab_results"),
    Service("notification", 7, "notifications", engine=Engine.MONGODB),
    Service("admission", 8, "admissions"),
    Service("chart", 9, "charts", has_relay=False),
)

PROCESSES = tuple((service, role) for service in SERVICES for role in service.roles)
PORT_OFFSETS = (
    *(service.port_offset(Role.API) for service in SERVICES),
    *(service.metrics_port_offset(role) for service, role in PROCESSES),
)


_NAME = re.compile(r"[a-z][a-z0-9]{0,30}")
_DATABASE = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = {
    "alertmanager", "chassis", "contracts", "database", "day", "grafana", "guest", "infirmary", "infra", "metrics",
    "mongodb", "none", "postgres", "postgresql", "prometheus", "public", "rabbitmq", "relay", "zipkin",
}  # fmt: skip
"""Names of what is no service: servers, their users, images, releases, commands and variables."""
_TAKEN_DATABASES = {"infirmary", "postgres", "template0", "template1", "admin", "config", "local"}


def check_services(services: Iterable[Service] = SERVICES) -> None:
    """Makes sure that every service can have its name wherever it has one, and a place of its own.

    Raises:
        LocalError: One cannot; the message says which, why, and what to do.
    """
    seen = list(services)
    for service in seen:
        name = service.name
        if _NAME.fullmatch(name) is None:
            raise LocalError(
                f"local/topology.py: a service cannot be called {name!r}: take 1 to 31 lower-case letters and digits, "
                "a letter first, without - and _ (it is a package, a user of the broker, a release, part of variables)"
            )
        if name in TAKEN or iskeyword(name):
            raise LocalError(f"local/topology.py: a service cannot be called {name!r}: the name is taken, take another")
        if _DATABASE.fullmatch(service.database) is None or service.database in _TAKEN_DATABASES:
            raise LocalError(
                f"local/topology.py: the database of {name} cannot be called {service.database!r}: take up to 63 "
                "lower-case letters, digits and _, a letter first, and none of the servers' own names"
            )
        if not 1 <= service.number <= MOST_SERVICES:
            raise LocalError(f"local/topology.py: the number of {name} must be from 1 to {MOST_SERVICES}")
    for what in ("name", "number", "database"):
        twice = [value for value, times in Counter(getattr(each, what) for each in seen).items() if times > 1]
        if twice:
            raise LocalError(f"local/topology.py: two services have the {what} {twice[0]!r}")


def port_base(environment: Mapping[str, str] = os.environ) -> int:
    """Returns the number that all fixed ports are counted from.

    Raises:
        LocalError: INFIRMARY_PORT_BASE is not a number that leaves room for all ports.
    """
    given = environment.get(PORT_BASE_VARIABLE, str(DEFAULT_PORT_BASE))
    if not given.isdecimal() or not 1024 <= int(given) <= HIGHEST_PORT_BASE:
        raise LocalError(f"{PORT_BASE_VARIABLE} must be a number from 1024 to {HIGHEST_PORT_BASE}, not {given!r}")
    return int(given)
