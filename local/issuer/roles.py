"""The roles of the hospital as sets of scopes, as roles.toml lists them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from local.errors import LocalError

TABLE = Path(__file__).with_name("roles.toml")
EVERYTHING = "everything"
"""Who has all scopes: what plays the day, and what checks it."""


def roles_of(table: Path = TABLE) -> Mapping[str, tuple[str, ...]]:
    """Returns the scopes of each role, in the order of the table, and last those of `everything`.

    Raises:
        LocalError: The table cannot be read.
    """
    try:
        said = tomllib.loads(table.read_text())
        roles = {name: tuple(scopes) for name, scopes in said["roles"].items()}
        nobodys = said["nobodys"]["scopes"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise LocalError(f"{table.name} cannot be read: {error}") from None
    every = {scope for scopes in roles.values() for scope in scopes} | {*nobodys}
    return {**roles, EVERYTHING: tuple(sorted(every))}


def variable_of(role: str) -> str:
    """Returns the name of the variable that holds a role's token: HOSPITAL_TOKEN is the one for everything."""
    return "HOSPITAL_TOKEN" if role == EVERYTHING else f"HOSPITAL_TOKEN_{role.upper().replace('-', '_')}"
