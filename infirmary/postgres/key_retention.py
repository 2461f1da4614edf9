"""Forgets idempotency keys that nobody will repeat, beside the requests and never in their way."""

import logging
import random
import threading
from typing import Final

import psycopg

from infirmary.observing.tables import expect_tables, note_nothing_old
from infirmary.postgres.session import connect
from infirmary.postgres.tables import GrowingTable
from infirmary.settings import Settings

_logger = logging.getLogger(__name__)

KEYS: Final = GrowingTable("idempotency_key", oldest="SELECT min(created_at) FROM idempotency_key")

REMEMBERED_FOR_DAYS = 7
_EVERY_S = 60.0
_ROWS_AT_ONCE = 1000
_PAUSE_S = 0.05

_FORGET: Final = """
DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_key WHERE created_at < statement_timestamp() - make_interval(days => %s)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED))
"""


class KeyRetention:
    """A thread that deletes old keys, a few at a time, on a connection that it opens for as long as it takes."""

    def __init__(self, settings: Settings, service: str, every_s: float = _EVERY_S) -> None:
        self._settings, self._service, self._every_s = settings, service, every_s
        expect_tables((), forgetting=[KEYS.name])
        self._stopping = threading.Event()
        self._drawn = random.Random()  # noqa: S311 - pods in turn
        self._thread = threading.Thread(target=self._run, name="key-retention", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s * self._drawn.uniform(0.5, 1.5)):
            try:
                self._forget()
            except psycopg.Error as error:
                _logger.info("old idempotency keys stay for a while: %s", error)

    def _forget(self) -> None:
        """Deletes until none is left, however many have come since the last time."""
        with connect(self._settings, f"{self._service}/retention") as connection:
            while not self._stopping.is_set():
                deleted = connection.execute(_FORGET, (REMEMBERED_FOR_DAYS, _ROWS_AT_ONCE)).rowcount
                if deleted < _ROWS_AT_ONCE:
                    note_nothing_old(KEYS.name)
                    return
                self._stopping.wait(_PAUSE_S)
