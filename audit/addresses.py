"""Which services a hospital consists of, and where each is: what its environment names, and nothing besides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVICES_VARIABLE = "SERVICES"
_VARIABLE = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*?)_(?P<what>DATABASE_URL|DATABASE_CA_FILE|READS|URL)$")
_SERVERS = {"RABBITMQ", "POSTGRES", "MONGODB"}
_OF_A_PROCESS = ("_API", "_CONSUMER", "_RELAY")
"""WARD_API_DATABASE_URL is the address of ward's database, as its API."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one service is, as far as that is known.

    Attributes:
        url: Of its API, or None.
        database_url: Of its database, or None.
        database_ca_file: The certificates to trust for its database, or None for the system's.
        reads: The stems of the logs that it has to read at least: `ward` for its events, `ward.to.admission`.
    """

    service: str
    url: str | None = None
    database_url: str | None = None
    database_ca_file: Path | None = None
    reads: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """What the names of its variables begin with."""
        return self.service.upper()


def services_in(environment: Mapping[str, str], always: tuple[str, ...] = ()) -> dict[str, Address]:
    """Returns every service that an environment names, by its name, in alphabetical order.

    Args:
        environment: `WARD_URL`, `WARD_DATABASE_URL`, `WARD_READS` (the stems of the logs that it has to read, with
            commas between), and so on; or only their names, in `SERVICES` with commas between them.
        always: Services that are looked for whether they are named or not.
    """
    names = {*always, *_words(environment.get(SERVICES_VARIABLE, ""))}
    given: dict[tuple[str, str], str] = {}
    for variable, value in environment.items():
        found = _VARIABLE.match(variable)
        if found is None or not value or found["name"] in _SERVERS:
            continue
        if found["what"] == "DATABASE_URL" and found["name"].endswith(_OF_A_PROCESS):
            continue
        if found["what"] == "DATABASE_URL" or (found["what"] == "URL" and re.match("https?://", value)):
            names.add(found["name"].lower())
        given[found["name"].lower(), found["what"]] = value
    return {name: _address(name, given, environment.get("DATABASE_CA_FILE")) for name in sorted(names)}


def _address(name: str, given: Mapping[tuple[str, str], str], ca_file: str | None) -> Address:
    trusted = given.get((name, "DATABASE_CA_FILE"), ca_file)
    return Address(
        name,
        given.get((name, "URL")),
        given.get((name, "DATABASE_URL")),
        Path(trusted) if trusted else None,
        _words(given.get((name, "READS"), "")),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\s,]+", text) if word)
