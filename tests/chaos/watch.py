"""Looks at all outboxes again and again while faults are injected, past the proxies."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import psycopg
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.chaos.history import Sample

LOOK_EVERY_S = 0.1
TIMEOUT_S = 2


class OutboxWatch:
    """A thread that takes a sample about ten times a second, for as long as the block lasts."""

    def __init__(self, database_urls: Mapping[str, str], clock: Callable[[], float]) -> None:
        """Prepares the watch.

        Args:
            database_urls: Of the services that have an outbox, by name.
            clock: Seconds since the beginning of the run.
        """
        self.samples: list[Sample] = []
        self._clock = clock
        self._began_at = time.time() - clock()
        self._outboxes = [_outbox(url) for url in database_urls.values()]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        for outbox in self._outboxes:
            outbox.close()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            at_s = self._clock()
            self.samples.append(self._sample(at_s))

    def _sample(self, at_s: float) -> Sample:
        waiting: list[float] = []
        for outbox in self._outboxes:
            try:
                oldest = outbox.oldest()
            except (psycopg.Error, PyMongoError):
                return Sample(at_s, seen=False)
            if oldest is not None:
                waiting.append(oldest.timestamp() - self._began_at)
        return Sample(at_s, min(waiting, default=None))


class _PostgresOutbox:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def oldest(self) -> datetime | None:
        """Returns when the oldest message was written that waits."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=TIMEOUT_S)
        row = self._connection.execute("SELECT min(created_at) FROM outbox").fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Disconnects."""
        if self._connection is not None:
            self._connection.close()


class _MongoOutbox:
    def __init__(self, url: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            url, serverSelectionTimeoutMS=TIMEOUT_S * 1000, socketTimeoutMS=TIMEOUT_S * 1000
        )

    def oldest(self) -> datetime | None:
        """Returns when the oldest message was written that waits."""
        documents = self._client.get_default_database()["notifications"]
        found = documents.find_one({"outbox_since": {"$exists": True}}, sort=[("outbox_since", 1)])
        return found["outbox_since"].replace(tzinfo=UTC) if found else None

    def close(self) -> None:
        """Disconnects."""
        self._client.close()


def _outbox(url: str) -> _PostgresOutbox | _MongoOutbox:
    return _MongoOutbox(url) if url.startswith("mongodb") else _PostgresOutbox(url)
