"""What each process's role may do with which collection of its service's database in MongoDB. Pure.

A database belongs to the user who migrates it. Beside it there is a role for each process, called after the database:
`notifications_api`, `notifications_consumer`, `notifications_relay`. None of them may make, change or drop a
collection, an index, a user or a role. What nothing is said of here, none of them reaches.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from infirmary.process_roles import Process

Actions = AbstractSet[str]
"""Actions of MongoDB's, by its own names."""

NONE: Final[Actions] = frozenset()
READ: Final[Actions] = frozenset({"find", "killCursors"})
"""Whoever reads ends cursors: MongoDB lets everybody end his own, other servers want it said."""

MARK: Final[Actions] = READ | {"insert", "update"}
ALL: Final[Actions] = MARK | {"remove"}

_OF_DOCUMENTS: Final[Mapping[Process, Actions]] = {
    # It writes down whom it has told about whom, which waits there to be sent.
    Process.API: MARK,
    # An index tells it whether there may be documents of a release before.
    Process.CONSUMER: ALL | {"listIndexes"},
    Process.RELAY: READ | {"update", "changeStream"},
}
"""Of the collection of the service's aggregates. MongoDB has no rights of single fields, such as the outbox."""


def _of_consumer(actions: Actions) -> Mapping[Process, Actions]:
    return {Process.API: NONE, Process.CONSUMER: actions, Process.RELAY: NONE}


def _of_relay(actions: Actions) -> Mapping[Process, Actions]:
    return {Process.API: NONE, Process.CONSUMER: NONE, Process.RELAY: actions}


_OF_LIBRARY: Final[Mapping[str, Mapping[Process, Actions]]] = {
    "database_identity": {Process.API: NONE, Process.CONSUMER: MARK, Process.RELAY: MARK},
    "outbox_log": _of_relay(READ),
    "outbox_lease": _of_relay(ALL),
    "log_reader": _of_consumer(MARK),
    "log_sharing": _of_consumer(ALL),
    "log_sequence": _of_consumer(ALL),
    "parked_message": _of_consumer(ALL),
    "republish": _of_consumer(ALL),
    "restore_progress": _of_consumer(ALL),
}


def rights_of(process: Process, documents: str) -> dict[str, Actions]:
    """Returns what a process may do with each collection that it reaches.

    Args:
        process: Which one.
        documents: The collection of the service's aggregates.
    """
    return {
        collection: actions[process]
        for collection, actions in {**_OF_LIBRARY, documents: _OF_DOCUMENTS}.items()
        if actions[process]
    }
