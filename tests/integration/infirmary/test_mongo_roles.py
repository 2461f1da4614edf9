"""Each process's role in MongoDB is given what its rights say, and is refused whatever makes or changes things."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from infirmary.identifiers import new_id
from infirmary.mongo import storage
from infirmary.mongo.granting import given_in, privileges
from infirmary.mongo.rights import Actions, rights_of
from infirmary.mongo.schema import create_collections
from infirmary.process_roles import Process
from infirmary.settings import Settings
from local.databases import role_of
from local.servers.mongodb import MongoServer
from tests.integration.mongodb_rights import DOCUMENTS, AnyMongo, watched

Database = Any
Statement = Callable[[Database, str], object]

UNAUTHORIZED = 13
NOBODY = {"_id": "nobody"}

UNIQUE = ("_id", "source", "message_id")
"""What is unique somewhere: no document is refused for another reason than who inserts it."""

OF_ROWS: dict[str, Statement] = {
    "find": lambda database, name: database[name].find_one(NOBODY),
    "insert": lambda database, name: database[name].insert_one(dict.fromkeys(UNIQUE, new_id())),
    "update": lambda database, name: database[name].update_one(NOBODY, {"$set": {"more": 1}}),
    "remove": lambda database, name: database[name].delete_one(NOBODY),
    "listIndexes": lambda database, name: database[name].index_information(),
}
OF_COLLECTIONS: dict[str, Statement] = {
    "drop": lambda database, name: database[name].drop(),
    "createIndexes": lambda database, name: database[name].create_index("more"),
    "dropIndexes": lambda database, name: database[name].drop_indexes(),
    "collMod": lambda database, name: database.command("collMod", name, validator={}),
    "renameCollection": lambda database, name: database[name].rename(f"{name}_before"),
}
OF_NO_COLLECTION: dict[str, Statement] = {
    "create": lambda database, name: database.create_collection(name),
    "dropDatabase": lambda database, _: database.client.drop_database(database.name),
    "createUser": lambda database, name: database.command("createUser", name, pwd=name, roles=[]),
    "createRole": lambda database, name: database.command("createRole", name, privileges=[], roles=[]),
    "grantPrivilegesToRole": lambda database, name: database.command(
        "grantPrivilegesToRole", f"{database.name}_api", privileges=privileges(database.name, {name: {"find"}})
    ),
    "grantRolesToUser": lambda database, _: database.command(
        "grantRolesToUser", database.client.options.pool_options._credentials.username, roles=["readWrite"]
    ),
    "profile": lambda database, _: database.command("profile", 2),
    "another database": lambda database, _: database.client["another"]["sent"].find_one(),
}
"""What is done with a name that nothing has."""


def may(database: Database, statement: Statement, name: str) -> bool:
    """Says whether a user may do something."""
    try:
        statement(database, name)
    except OperationFailure as refused:
        if refused.code != UNAUTHORIZED:
            raise
        return False
    return True


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Opens a database as the user of a URL."""
    with MongoClient[dict[str, Any]](url, uuidRepresentation="standard") as client:
        yield client.get_default_database()


@pytest.fixture
def name() -> str:
    """A database that nobody has made yet."""
    return f"roles_{new_id().hex}"


@pytest.fixture
def administrator(mongodb_server: AnyMongo) -> Iterator[MongoClient[dict[str, Any]]]:
    """Who makes users and roles."""
    with MongoClient[dict[str, Any]](mongodb_server.url, uuidRepresentation="standard") as client:
        yield client


def migrated(server: AnyMongo, name: str) -> dict[str, str]:
    """Makes a database and migrates it; returns the URLs of its processes, where it has any, and the owner's."""
    owner = server.create_database(name)
    urls = server.let_in(name, list(Process))
    create_collections("notification", Settings(database_url=urls.get(Process.API, owner), owner_database_url=owner))
    return {**urls, "owner": owner}


def given(administrator: MongoClient[dict[str, Any]], name: str) -> dict[Process, Mapping[str, Actions]]:
    """Returns the rights that the server says the roles have."""
    roles = {process: process.role_in(name) for process in Process}
    found = administrator[name].command("rolesInfo", list(roles.values()), showPrivileges=True)["roles"]
    have = {each["role"]: given_in(name, each["privileges"]) for each in found}
    return {process: have[role] for process, role in roles.items() if role in have}


def tells_collections_apart(administrator: MongoClient[dict[str, Any]], url: str, name: str) -> bool:
    """Says whether the server knows rights of single collections, as MongoDB does."""
    role, here = role_of(name, Process.API), privileges(name, {"here": {"find"}})
    administrator[name].command("grantPrivilegesToRole", role, privileges=here)
    with opened(url) as database:
        apart = not may(database, OF_ROWS["find"], "there")
    administrator[name].command("revokePrivilegesFromRole", role, privileges=here)
    return apart


def test_the_roles_have_the_rights_of_their_processes_and_the_server_keeps_them_to_these(
    mongodb_server: AnyMongo, administrator: MongoClient[dict[str, Any]], name: str
) -> None:
    urls = migrated(mongodb_server, name)
    assert given(administrator, name) == {process: rights_of(process, DOCUMENTS) for process in Process}
    apart = tells_collections_apart(administrator, urls[Process.API], name)
    collections = sorted({"of nobody", *(each for process in Process for each in rights_of(process, DOCUMENTS))})
    for process in Process:
        rights = rights_of(process, DOCUMENTS)
        anywhere = frozenset().union(*rights.values())
        with opened(urls[process]) as database:
            assert [each for each, statement in OF_NO_COLLECTION.items() if may(database, statement, "made")] == []
            for collection in collections:
                should = rights.get(collection, frozenset()) if apart else anywhere
                can = {action for action, statement in OF_ROWS.items() if may(database, statement, collection)}
                assert can == should & OF_ROWS.keys(), (process, collection)
                assert [
                    each for each, statement in OF_COLLECTIONS.items() if may(database, statement, collection)
                ] == []


def test_the_owner_migrates_and_gives_rights_and_makes_no_user(mongodb_server: AnyMongo, name: str) -> None:
    with opened(migrated(mongodb_server, name)["owner"]) as database:
        refused = {each for each, statement in OF_NO_COLLECTION.items() if not may(database, statement, "made")}
    assert refused >= {"createUser", "createRole", "profile", "another database"}


def test_what_somebody_has_given_besides_is_taken_by_the_next_migration(
    mongodb_server: AnyMongo, administrator: MongoClient[dict[str, Any]], name: str
) -> None:
    migrated(mongodb_server, name)
    more = {"": {"dropCollection"}, DOCUMENTS: {"remove"}, "of nobody": {"find"}}
    administrator[name].command("grantPrivilegesToRole", f"{name}_api", privileges=privileges(name, more))
    less = privileges(name, {"log_sharing": {"insert", "update"}})
    administrator[name].command("revokePrivilegesFromRole", f"{name}_consumer", privileges=less)
    migrated(mongodb_server, name)
    assert given(administrator, name) == {process: rights_of(process, DOCUMENTS) for process in Process}


def test_a_role_that_is_made_later_has_its_rights_from_the_next_migration_on(
    mongodb_server: AnyMongo,
    administrator: MongoClient[dict[str, Any]],
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = mongodb_server.create_database(name)
    administrator[name].command("dropRole", f"{name}_relay")
    with caplog.at_level(logging.INFO):
        create_collections("notification", Settings(database_url=owner))
    assert f"there is no role {name}_relay: the process works as the owner" in caplog.text
    assert given(administrator, name).keys() == {Process.API, Process.CONSUMER}
    administrator[name].command("createRole", f"{name}_relay", privileges=[], roles=[])
    create_collections("notification", Settings(database_url=owner))
    assert given(administrator, name)[Process.RELAY] == rights_of(Process.RELAY, DOCUMENTS)


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (["collMod"], "which roles there are cannot be seen"),
        (["collMod", "viewRole"], "rights are not ours to give, so somebody else has to"),
    ],
)
def test_an_owner_who_may_not_give_rights_migrates_all_the_same_and_says_so(
    mongodb_server: AnyMongo,
    administrator: MongoClient[dict[str, Any]],
    name: str,
    actions: list[str],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = mongodb_server.create_database(name)
    role = {"resource": {"db": name, "collection": ""}, "actions": actions}
    administrator[name].command("updateRole", f"{name}_owner", privileges=[role])
    create_collections("notification", Settings(database_url=owner))
    assert said in caplog.text
    assert given(administrator, name) == {process: {} for process in Process}
    with opened(owner) as database:
        assert "parked_message" in database.list_collection_names()


def test_whoever_asks_for_what_he_has_no_right_to_is_seen_by_these_tests(mongodb_server: AnyMongo, name: str) -> None:
    def remove_what_is_held() -> None:
        with watched(mongodb_server) as lend:
            settings = lend(name, Process.API)
            create_collections("notification", settings)
            with storage.connect(settings, "api") as client:
                may(client.get_default_database(), OF_ROWS["remove"], "parked_message")

    with pytest.raises(AssertionError, match=f"{name}_api: remove in parked_message"):
        remove_what_is_held()


def test_a_user_of_a_release_before_becomes_an_owner_with_roles_beside_him(
    mongodb_server: AnyMongo, administrator: MongoClient[dict[str, Any]], name: str
) -> None:
    assert isinstance(mongodb_server, MongoServer)
    mongodb_server.create_database(name)
    administrator[name].command("dropAllRolesFromDatabase")
    administrator[name].command("updateUser", name, roles=[{"role": "readWrite", "db": name}])
    migrated(mongodb_server, name)
    assert given(administrator, name) == {process: rights_of(process, DOCUMENTS) for process in Process}
