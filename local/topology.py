"""Who runs on one machine and on which ports: the one table that the launcher, the demo and the tests read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from local.errors import LocalError

PORT_BASE_VARIABLE = "INFIRMARY_PORT_BASE"
DEFAULT_PORT_BASE = 8100


class Engine(StrEnum):
    """The kind of database that a service owns."""

    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"


class Role(StrEnum):
    """What one process of a service does; the value is a word of its command line."""

    API = "api"
    CONSUMER = "consumer"
    RELAY = "relay"


_PORT_OFFSETS = {Role.API: 0, Role.CONSUMER: 100, Role.RELAY: 200}


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
        """How far above the port base this role listens: the API, or the metrics of the consumer or the relay."""
        return self.number + _PORT_OFFSETS[role]


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

PORT_OFFSETS = tuple(service.port_offset(role) for service in SERVICES for role in service.roles)


def port_base(environment: Mapping[str, str] = os.environ) -> int:
    """Returns the number that all fixed ports are counted from.

    Raises:
        LocalError: INFIRMARY_PORT_BASE is not a number that leaves room for all ports.
    """
    given = environment.get(PORT_BASE_VARIABLE, str(DEFAULT_PORT_BASE))
    highest = 65535 - max(PORT_OFFSETS)
    if not given.isdecimal() or not 1024 <= int(given) <= highest:
        raise LocalError(f"{PORT_BASE_VARIABLE} must be a number from 1024 to {highest}, not {given!r}")
    return int(given)
