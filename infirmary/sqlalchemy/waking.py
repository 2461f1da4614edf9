"""Wakes the relay after a Session's commit, from a thread of its own for each pool of connections.

A notification takes a lock of the whole database cluster until its transaction has ended, so it is no part of the
Session's. The thread is started by the first commit that has messages, opens its connection as the pool opens one, and
ends when nobody has published for a while: nothing has to be closed. A process that was forked starts one anew, and
where a server lets no threads run, or the thread gets no connection, the relay finds messages by polling.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

import psycopg
from sqlalchemy import Engine, Pool
from sqlalchemy.exc import SQLAlchemyError

from infirmary.postgres.notify import NotifyingThread

_IDLE_S: Final = 5.0

Open = Callable[[], psycopg.Connection[Any]]


class RelayWaker:
    """The threads of one process, one for each pool from which Sessions have had connections."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._threads: WeakKeyDictionary[Pool, NotifyingThread] = WeakKeyDictionary()

    def wake(self, engine: Engine) -> None:
        """Asks for the relay of an engine's database to be woken; returns at once."""
        thread = self._threads.get(engine.pool)
        if thread is None or not thread.is_alive():
            try:
                thread = self._threads[engine.pool] = NotifyingThread(_opener(engine, self._service), _IDLE_S)
            except RuntimeError:  # no thread is to be had, or the interpreter ends: the relay polls
                return
        thread.notify()


def _opener(engine: Engine, service: str) -> Open:
    if engine.dialect.is_async:  # its pool opens connections for the event loop only
        arguments, named = engine.dialect.create_connect_args(engine.url)
        return partial(_prepared, partial(psycopg.connect, *arguments, **named), service)
    return partial(_prepared, partial(_detached, ref(engine.pool)), service)


def _detached(pool: "ref[Pool]") -> psycopg.Connection[Any]:
    """Opens a connection as the pool does, with the engine's arguments and events, and takes it out of the pool.

    Raises:
        psycopg.OperationalError: There is none to be had.
    """
    there = pool()
    if there is None:
        raise psycopg.OperationalError("the engine is gone")
    try:
        fresh = there.recreate()  # opens one as that pool does, and takes none from those who work
        connection = fresh.connect()
    except SQLAlchemyError as error:
        raise psycopg.OperationalError(str(error)) from error
    opened = connection.driver_connection
    connection.detach()
    fresh.dispose()
    assert isinstance(opened, psycopg.Connection)  # noqa: S101 - the driver was looked at when it was published
    return opened


def _prepared(open_connection: Open, service: str) -> psycopg.Connection[Any]:
    connection = open_connection()
    try:
        connection.rollback()
        connection.autocommit = True
        connection.execute("SELECT set_config('application_name', %s, false)", (f"{service}/notifier",))
        # Without a flush to disk the lock that a notification takes is short.
        connection.execute("SET synchronous_commit = off")
    except psycopg.Error:
        connection.close()
        raise
    return connection
