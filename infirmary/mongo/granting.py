"""Gives the role of each process its rights in a service's MongoDB database, after each migration.

The roles and their users are made by the administrator, who makes the database, too. The owner gives and takes rights
in it, and can make neither users nor roles. Where a process has no role of its own, it works as the owner. Where the
server or its administrator keeps rights to himself, as an operator on Kubernetes does, nothing is given here.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pymongo.errors import OperationFailure

from infirmary.mongo.rights import Actions, rights_of
from infirmary.mongo.storage import MongoDatabase, is_transient
from infirmary.process_roles import Process

_logger = logging.getLogger(__name__)

Given = Mapping[str, Mapping[str, Actions]]
"""What roles were given in a database, by role and collection; the collection "" is all of them."""

Command = dict[str, Any]

_NOTHING: Final[Mapping[str, Actions]] = {}


def grant_rights(database: MongoDatabase, documents: str) -> None:
    """Gives each role what it should have and takes what it should not; does nothing where all have it.

    Args:
        database: The service's, as its owner.
        documents: The collection of the service's aggregates.

    Raises:
        pymongo.errors.PyMongoError: The database is away.
    """
    names = {process.role_in(database.name): process for process in Process}
    try:
        found = database.command("rolesInfo", list(names), showPrivileges=True)["roles"]
    except OperationFailure as refused:
        if is_transient(refused):
            raise
        _logger.warning("which roles there are cannot be seen, so none is given any rights: %s", refused)
        return
    given = {each["role"]: given_in(database.name, each.get("privileges", ())) for each in found}
    if lacking := ", ".join(name for name in names if name not in given):
        _logger.info("there is no role %s: the process works as the owner of its collections", lacking)
    roles = {name: process for name, process in names.items() if name in given}
    for command in commands(database.name, roles, documents, given):
        try:
            database.command(command)
        except OperationFailure as refused:
            if is_transient(refused):
                raise
            _logger.warning("rights are not ours to give, so somebody else has to: %s (%s)", command, refused)


def commands(database: str, roles: Mapping[str, Process], documents: str, given: Given) -> list[Command]:
    """Returns what makes the rights of the roles those that they should have; nothing where they have them. Pure.

    Args:
        database: Its name.
        roles: The processes, by the names of their roles.
        documents: The collection of the service's aggregates.
        given: What the roles have.
    """
    found: list[Command] = []
    for role, process in roles.items():
        have, should = given.get(role, _NOTHING), rights_of(process, documents)
        if too_many := _but(have, should):
            found.append({"revokePrivilegesFromRole": role, "privileges": privileges(database, too_many)})
        if lacking := _but(should, have):
            found.append({"grantPrivilegesToRole": role, "privileges": privileges(database, lacking)})
    return found


def privileges(database: str, rights: Mapping[str, Actions]) -> list[dict[str, Any]]:
    """Returns rights as MongoDB writes them."""
    return [
        {"resource": {"db": database, "collection": collection}, "actions": sorted(actions)}
        for collection, actions in sorted(rights.items())
    ]


def given_in(database: str, privileges_of_role: Iterable[Mapping[str, Any]]) -> dict[str, Actions]:
    """Returns rights as MongoDB has written them, those in the one database; others are not its owner's to take."""
    given: defaultdict[str, set[str]] = defaultdict(set)
    for each in privileges_of_role:
        if each["resource"].get("db") == database:
            given[each["resource"]["collection"]].update(each["actions"])
    return dict(given)


def _but(these: Mapping[str, Actions], those: Mapping[str, Actions]) -> dict[str, Actions]:
    """Returns these rights without those."""
    left = {collection: actions - those.get(collection, frozenset()) for collection, actions in these.items()}
    return {collection: actions for collection, actions in left.items() if actions}
