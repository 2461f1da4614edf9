"""Who runs on one machine and on which ports: services/services.toml, as the launcher and the tests read it."""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from keyword import iskeyword
from pathlib import Path
from typing import Any

from local.errors import LocalError
from local.ports import LAST_PORT

PORT_BASE_VARIABLE = "INFIRMARY_PORT_BASE"
DEFAULT_PORT_BASE = 8100
MOST_SERVICES = 99
NODE_PORT_BASE = 30100
"""What the NodePorts of the APIs are counted from in a cluster."""


class Engine(StrEnum):
    """The kind of database that a service owns."""

    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"


class Role(StrEnum):
    """What one process of a service does; the value is a word of its command line."""

    API = "api"
    CONSUMER = "consumer"
    RELAY = "relay"


ISSUER_PORT_OFFSET = 0
"""Of the provider of identities: no service has this number."""

_METRICS_PORT_OFFSETS = {Role.API: 300, Role.CONSUMER: 100, Role.RELAY: 200}
HIGHEST_PORT_BASE = LAST_PORT - max(_METRICS_PORT_OFFSETS.values()) - MOST_SERVICES


@dataclass(frozen=True)
class Service:
    """One service: its name, its place in the port plan and its database."""

    name: str
    number: int
    database: str
    engine: Engine = Engine.POSTGRESQL
    has_relay: bool = True
    keeps_record: bool = False
    """Whether every service tells it what it was asked for."""

    @property
    def resource(self) -> str:
        """What its database is called among Kubernetes' resources, which take no `_`."""
        return self.database.replace("_", "-")

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


_SAID = {"number", "database", "engine", "relay", "keeps_record"}
TABLE = Path(__file__).resolve().parents[1] / "services" / "services.toml"


def services_of(table: Path = TABLE) -> tuple[Service, ...]:
    """Reads the table of services, in its order.

    Raises:
        LocalError: It is no table, or a line says something that no service has, or lacks its number or its database.
    """
    try:
        lines = tomllib.loads(table.read_text())["services"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise LocalError(f"services/services.toml cannot be read: {error}") from None
    return tuple(_service(name, said) for name, said in lines.items())


def _service(name: str, said: Any) -> Service:
    where = "services/services.toml:"
    if not isinstance(said, dict) or not {"number", "database"} <= said.keys() <= _SAID:
        raise LocalError(f"{where} {name} needs number and database; engine, relay and keeps_record may be said, too")
    engine = said.get("engine", Engine.POSTGRESQL)
    if engine not in list(Engine):
        raise LocalError(f"{where} the engine of {name} should be one of {', '.join(Engine)}")
    if not isinstance(said["number"], int) or not isinstance(said["database"], str):
        raise LocalError(f"{where} the number of {name} should be a number, and its database a text")
    has_relay, keeps_record = bool(said.get("relay", True)), bool(said.get("keeps_record", False))
    return Service(name, said["number"], said["database"], Engine(engine), has_relay, keeps_record)


SERVICES = services_of()
RECORDED_BY = next((service.name for service in SERVICES if service.keeps_record), None)
"""The service that keeps the record of access."""

PROCESSES = tuple((service, role) for service in SERVICES for role in service.roles)
PORT_OFFSETS = (
    *(service.port_offset(Role.API) for service in SERVICES),
    *(service.metrics_port_offset(role) for service, role in PROCESSES),
)


_NAME = re.compile(r"[a-z][a-z0-9]{0,30}")
_DATABASE = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = {
    "alertmanager", "contracts", "database", "day", "grafana", "guest", "infirmary", "infra", "keycloak", "metrics",
    "mongodb", "none", "postgres", "postgresql", "prometheus", "public", "rabbitmq", "relay", "schema", "zipkin",
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
                f"services/services.toml: a service cannot be called {name!r}: take 1 to 31 lower-case letters and"
                " digits, a letter first, without - and _"
                " (it is a package, a user of the broker, a release, part of a variable)"
            )
        if name in TAKEN or iskeyword(name):
            raise LocalError(
                f"services/services.toml: a service cannot be called {name!r}: the name is taken, take another"
            )
        if _DATABASE.fullmatch(service.database) is None or service.database in _TAKEN_DATABASES:
            raise LocalError(
                f"services/services.toml: the database of {name} cannot be called {service.database!r}: take up to 63 "
                "lower-case letters, digits and _, a letter first, and none of the servers' own names"
            )
        if not 1 <= service.number <= MOST_SERVICES:
            raise LocalError(f"services/services.toml: the number of {name} must be from 1 to {MOST_SERVICES}")
    for what in ("name", "number", "database"):
        twice = [value for value, times in Counter(getattr(each, what) for each in seen).items() if times > 1]
        if twice:
            raise LocalError(f"services/services.toml: two services have the {what} {twice[0]!r}")


def port_base(environment: Mapping[str, str] = os.environ) -> int:
    """Returns the number that all fixed ports are counted from.

    Raises:
        LocalError: INFIRMARY_PORT_BASE is not a number that leaves room for all ports.
    """
    given = environment.get(PORT_BASE_VARIABLE, str(DEFAULT_PORT_BASE))
    if not given.isdecimal() or not 1024 <= int(given) <= HIGHEST_PORT_BASE:
        raise LocalError(f"{PORT_BASE_VARIABLE} must be a number from 1024 to {HIGHEST_PORT_BASE}, not {given!r}")
    return int(given)
