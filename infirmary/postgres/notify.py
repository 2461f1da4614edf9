"""Wakes the relay after a commit, outside of the transaction, so that no commit waits for a notification's lock."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from infirmary.postgres.session import connect, session_options
from infirmary.settings import Settings

_logger = logging.getLogger(__name__)

GAP_S = 0.004
"""Notifications within this time become one, at its end: a relay goes on looking for as long after a message."""

_RETRY_S = 5.0


class NotifyingThread:
    """Sends NOTIFY from a thread and a connection of its own.

    A notification that is lost costs the relay's polling interval.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], idle_s: float | None = None) -> None:
        """Starts the thread.

        Args:
            connect: Opens its connection, in autocommit mode.
            idle_s: After so many seconds without a notification it ends, and after an error; None for never.
        """
        self._connect, self._idle_s = connect, idle_s
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Says whether it can be asked: it has not ended, and this process is not a fork of the one that started it."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def notify(self) -> None:
        """Asks for the relay to be woken; returns at once."""
        self._wanted.set()

    def close(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    self._serve(connection)
            except psycopg.Error as error:
                _logger.info("the relay cannot be notified for a while, and polls: %s", error)
                self._stopping.wait(_RETRY_S)
                if self._idle_s is not None:
                    self._stopping.set()

    def _serve(self, connection: psycopg.Connection[Any]) -> None:
        notifying = connection.cursor()
        while True:
            if not self._wanted.wait(self._idle_s):
                self._stopping.set()  # whoever asks from now on sees it, and starts another one
                if not self._wanted.is_set():
                    return
            elif self._stopping.is_set():
                return
            self._wanted.clear()
            notifying.execute("NOTIFY outbox")
            self._stopping.wait(GAP_S)


class Notifier(NotifyingThread):
    """Wakes the relay of a service from one of its processes."""

    def __init__(self, settings: Settings, service: str) -> None:
        super().__init__(partial(_connect, settings, service))


def _connect(settings: Settings, service: str) -> psycopg.Connection[Any]:
    # A notification takes a lock until its transaction has ended; without a flush to disk that is short.
    return connect(settings, f"{service}/notifier", session_options(synchronous_commit="off"))
