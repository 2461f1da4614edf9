"""Sessions with the service's own PostgreSQL database, and which of its errors pass by themselves."""

import psycopg

from infirmary.postgres.session import READER_SESSION, SESSION, connect

__all__ = ["LOST_STATEMENT_STATES", "READER_SESSION", "SESSION", "connect", "is_stale_plan", "is_transient"]

_TRANSIENT_CLASSES = ("08", "40", "53", "55", "57")
_TRANSIENT_STATES = (
    "25006",  # a primary that refuses writes: it is about to be replaced, or its disk is full
    "25P03",  # idle for too long within a transaction
    "25P04",  # a transaction that took too long
)
LOST_STATEMENT_STATES = (
    "26000",  # there is no such prepared statement (any more)
    "42P05",  # there is one of that name already
)


def is_transient(error: BaseException) -> bool:
    """Says whether the same work may succeed later without any change.

    Lost connections, deadlocks, serialization failures, lock and statement timeouts, a full disk, a server that shuts
    down (SQLSTATE classes 08, 40, 53, 55 and 57), a primary that refuses writes, a plan that a migration has made
    stale, and errors that have no SQLSTATE because nobody answered.
    """
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate[:2] in _TRANSIENT_CLASSES or error.sqlstate in _TRANSIENT_STATES or is_stale_plan(error)


def is_stale_plan(error: BaseException) -> bool:
    """Says whether a prepared statement, and not what it says, is the problem: a migration came by, or a pooler."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate == "0A000":  # also whatever PostgreSQL cannot do; its message may be in any language
        return error.diag.source_function == "RevalidateCachedQuery"
    return error.sqlstate in LOST_STATEMENT_STATES
