"""Identifiers: those that a service gives out, and those that others choose."""

import re
from keyword import iskeyword
from typing import Annotated, Final
from uuid import UUID

import uuid_utils
from pydantic import StringConstraints

ClientCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""An id that the client chooses: 1 to 64 letters, digits, dots, underscores and hyphens."""


_SERVICE_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,30}")

TAKEN: Final = {
    "alertmanager", "contracts", "database", "day", "grafana", "guest", "infirmary", "infra", "keycloak", "metrics",
    "mongodb", "none", "postgres", "postgresql", "prometheus", "public", "rabbitmq", "relay", "schema", "zipkin",
}  # fmt: skip
"""Names of what is no service: servers, their users, images, releases, commands and variables."""


def service_name(name: str) -> str:
    """Returns the name of a service, if it can be one wherever a service has its name.

    It is a Python package, a database and its role, a user of the broker and the beginning of its logs' names, and a
    release on Kubernetes.

    Raises:
        ValueError: It cannot.
    """
    if _SERVICE_NAME.fullmatch(name) is None:
        raise ValueError(
            f"a service cannot be called {name!r:.80}: take 1 to 31 lower-case letters and digits, a letter first,"
            " without - and _"
        )
    if name in TAKEN or iskeyword(name):
        raise ValueError(f"a service cannot be called {name!r}: the name is taken, take another one")
    return name


def new_id() -> UUID:
    """Returns a UUID version 7 (RFC 9562): ordered by time, so that new rows go to the end of an index."""
    return UUID(int=uuid_utils.uuid7().int)


def time_of(text: str) -> float | None:
    """Returns the time in an id, in unix seconds; None for what is no UUID version 7."""
    try:
        read = UUID(text)
    except ValueError:
        return None
    return time_in(read)


def time_in(made: UUID) -> float | None:
    """Returns the time in an id, in unix seconds; None for one of another version than 7."""
    return (made.int >> 80) / 1000 if made.version == 7 else None


def least_id_of(at: float) -> UUID:
    """Returns the least UUID version 7 of a time in unix seconds, to find what is older by its id."""
    return UUID(int=(max(int(at * 1000), 0) << 80) | (7 << 76) | (2 << 62))
