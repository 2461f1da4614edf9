"""Wakes the relay after a commit, outside of the transaction, so that no commit waits for a notification's lock."""

import logging
import threading
from typing import Any

import psycopg

from infirmary.postgres.session import connect, session_options
from infirmary.settings import Settings

_logger = logging.getLogger(__name__)

GAP_S = 0.004
"""Notifications within this time become one, at its end: a relay goes on looking for as long after a message."""

_RETRY_S = 5.0


class Notifier:
    """Sends NOTIFY from a thread and a connection of its own.

    A notification that is lost costs the relay's polling interval.
    """

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings = settings
        self._service = service
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

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

    def _serve(self, connection: psycopg.Connection[Any]) -> None:
        while True:
            self._wanted.wait()
            if self._stopping.is_set():
                return
            self._wanted.clear()
            connection.execute("NOTIFY outbox")
            self._stopping.wait(GAP_S)

    def _connect(self) -> psycopg.Connection[Any]:
        # A notification takes a lock until its transaction has ended; without a flush to disk that is short.
        return connect(self._settings, f"{self._service}/notifier", session_options(synchronous_commit="off"))
