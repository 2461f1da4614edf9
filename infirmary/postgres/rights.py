"""What each process's role may do with which table of its service's database. Pure.

A database belongs to the role that migrates it. Beside it there is a role for each process, called after the database:
`lab_results_api`, `lab_results_consumer`, `lab_results_relay`. None of them may make, change or empty a table. Of a
table of its own a service may say what each may do with it (`RIGHTS`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from infirmary.postgres import library_tables as library
from infirmary.process_roles import Process


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """A privilege of PostgreSQL's, for all columns or for one.

    Attributes:
        privilege: SELECT, INSERT, UPDATE or DELETE.
        column: Empty for the table.
    """

    privilege: str
    column: str = ""


Rights = AbstractSet[Right]

READ: Final = Right("SELECT")
ADD: Final = Right("INSERT")
CHANGE: Final = Right("UPDATE")
REMOVE: Final = Right("DELETE")

NONE: Final[Rights] = frozenset()
ALL: Final[Rights] = frozenset({READ, ADD, CHANGE, REMOVE})
_READ: Final[Rights] = frozenset({READ})
_MARK: Final[Rights] = frozenset({READ, ADD, CHANGE})

_OF_ROWS: Final = {Process.API: ALL, Process.CONSUMER: ALL, Process.RELAY: NONE}
"""Of a table that a service has declared itself, and of one of the library's of which nothing else is said."""

_OF_A_READER: Final = {Process.API: _READ, Process.CONSUMER: ALL, Process.RELAY: NONE}
"""Of what only a consumer writes: how far it has read, and what it keeps of it."""

_OF_VERSIONS: Final = {Process.API: _READ, Process.CONSUMER: _READ, Process.RELAY: NONE}

RIGHTS: Final = "infirmary.rights"
"""The key in the `info` of a service's own table of what processes may do with it, where that is not what it is with
others: `sa.Table(..., info={RIGHTS: {Process.API: frozenset({READ})}})`."""

OwnRights = Mapping[str, Mapping[Process, Rights]]
"""What a service says of its own tables, by their names."""

_TABLES: Final[Mapping[str, Mapping[Process, Rights]]] = {
    library.outbox.name: {
        Process.API: frozenset({ADD}),
        Process.CONSUMER: frozenset({READ, ADD}),
        # To lock a row takes the right to change one column. This one nobody can change, as it is always generated.
        Process.RELAY: frozenset({READ, REMOVE, Right("UPDATE", library.outbox.c.id.name)}),
    },
    library.outbox_relay.name: {Process.API: NONE, Process.CONSUMER: NONE, Process.RELAY: ALL},
    library.outbox_log.name: {Process.API: _READ, Process.CONSUMER: _READ, Process.RELAY: _READ},
    library.outbox_sequence.name: {Process.API: _MARK, Process.CONSUMER: ALL, Process.RELAY: _READ},
    library.ended_subject.name: {Process.API: _MARK, Process.CONSUMER: ALL, Process.RELAY: NONE},
    library.incarnation.name: {Process.API: _READ, Process.CONSUMER: _MARK, Process.RELAY: _MARK},
    library.log_reader.name: _OF_A_READER,
    library.log_sequence.name: _OF_A_READER,
    library.parked_message.name: {
        **_OF_A_READER,
        # A person is forgotten in what is held, too, and a patient is erased by a request.
        Process.API: frozenset({READ, Right("UPDATE", "body"), Right("UPDATE", "error")}),
    },
    library.saga_outcome.name: _OF_A_READER,
    library.saga_archive.name: _OF_A_READER,
    library.saga_outcome_archive.name: _OF_A_READER,
    library.republish.name: _OF_A_READER,
    library.answered.name: _OF_A_READER,
    library.restore_progress.name: _OF_A_READER,
    library.LIBRARY_VERSION_TABLE: _OF_VERSIONS,
    "alembic_version": _OF_VERSIONS,
}


def rights_of(process: Process, table: str, own: OwnRights = MappingProxyType({})) -> Rights:
    """Returns what a process may do with the rows of a table.

    Args:
        process: Which one.
        table: Its name.
        own: What the service says of its own tables; the library's are not its to say anything of.
    """
    return {**_OF_ROWS, **own.get(table, {}), **_TABLES.get(table, {})}[process]
