"""Holds what processes ask of MongoDB against their rights, collection by collection.

The server that comes with the project knows rights of a whole database only: whoever may remove something from one
collection may from each. So what is asked is looked at here, too, as MongoDB would: as the driver sends it, or as it
stands in the server's own record, its profiler.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from pymongo.uri_parser import parse_uri

from infirmary.mongo.rights import NONE, Actions, rights_of
from infirmary.process_roles import Process
from infirmary.settings import Settings
from local.servers.external import ExternalMongo
from local.servers.mongodb import MongoServer

DOCUMENTS: Final = "notifications"
"""The collection of aggregates in all tests: that of the one service on MongoDB."""

AnyMongo = MongoServer | ExternalMongo
MongoAs = Callable[[str, Process], Settings]
Asked = tuple[str, str, str]
"""A user, a collection, and one of the actions that something takes which he has asked for there."""

_FIND: Final[Actions] = frozenset({"find"})
_TAKES: Final[Mapping[str, Actions]] = {
    **dict[str, Actions].fromkeys(("find", "query", "count", "distinct", "aggregate"), _FIND),
    **{each: frozenset({each}) for each in ("insert", "update", "remove", "listIndexes", "killCursors")},
    "delete": frozenset({"remove"}),
    **dict.fromkeys(("getMore", "getmore", "hello", "ping", "endSessions", "saslStart", "saslContinue"), NONE),
}
"""The actions that commands take, by their names and by those that the record has for them."""


class _Listener(CommandListener):
    """Notes what one client asks."""

    def __init__(self, user: str, asked: set[Asked]) -> None:
        self._user, self._asked = user, asked

    def started(self, event: CommandStartedEvent) -> None:
        self._asked.update(asked_in(self._user, event.command_name, event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@contextmanager
def watched(server: AnyMongo) -> Iterator[MongoAs]:
    """Lends databases as one of their service's processes, and looks at what the library asks of them.

    Raises:
        AssertionError: A process has asked for something that it has no right to, by the end.
    """
    asked: set[Asked] = set()
    names: set[str] = set()

    def client(url: str, **options: Any) -> MongoClient[dict[str, Any]]:
        listener = _Listener(parse_uri(url)["username"] or "", asked)
        return MongoClient(url, **options | {"event_listeners": [*options["event_listeners"], listener]})

    def lend(name: str, process: Process) -> Settings:
        names.add(name)
        owner = server.create_database(name)
        return Settings(database_url=server.let_in(name, [process]).get(process, owner), owner_database_url=owner)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infirmary.mongo.storage.MongoClient", client)
        yield lend
    assert asked or not names, "nobody was looked at"
    for name in names:
        beyond = beyond_rights(name, asked)
        assert not beyond, beyond


def beyond_rights(database: str, asked: Iterable[Asked]) -> list[str]:
    """Returns what the processes of a service have asked of its database and have no right to."""
    rights = {process.role_in(database): rights_of(process, DOCUMENTS) for process in Process}
    return sorted(
        f"{user}: {action} in {collection or 'the database'}"
        for user, collection, action in asked
        if user in rights and action not in rights[user].get(collection, NONE)
    )


def recorded(record: Iterable[Mapping[str, Any]]) -> set[Asked]:
    """Returns what stands in the server's record."""
    found: set[Asked] = set()
    for each in record:
        # MongoDB writes user@database, others the other way round: the name of a process's user is the longer one.
        user, command = max(each.get("user", "").split("@"), key=len), each["command"]
        name = each["op"] if each["op"] in _TAKES else next(iter(command), "")
        found |= asked_in(user, name, {**command, name: each["ns"].partition(".")[2]})
    return found


def asked_in(user: str, name: str, command: Mapping[str, Any]) -> set[Asked]:
    """Returns what somebody asks for with a command; one that nothing is known of is an action of its own."""
    actions = set(_TAKES.get(name, {name}))
    if any(each.get("upsert") for each in (command, *command.get("updates", ()))):
        actions.add("insert")
    if any("$changeStream" in stage for stage in command.get("pipeline", ())):
        actions.add("changeStream")
    on = command.get("collection", "") if name == "getMore" else command.get(name)
    return {(user, on if isinstance(on, str) else "", action) for action in actions}
