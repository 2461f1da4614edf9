"""A program that writes events into a service's outbox over SQL, by the contract in docs/outbox-contract.md."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from uuid import uuid4

import psycopg

from infirmary.transport.envelope import partition_of

_CLAIM = """
INSERT INTO outbox_sequence AS s (subject, last) VALUES (%(subject)s, 1)
ON CONFLICT (subject) DO UPDATE SET last = s.last + 1 RETURNING last
"""

_WRITE = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, body)
VALUES (%(partition)s, %(message_id)s, %(target)s, 'Noted', %(subject)s, %(sequence)s, %(body)s)
"""


class Writer:
    """A session that writes events `Noted`, which every reader of the log counts and none acts upon."""

    def __init__(self, database_url: str, service: str) -> None:
        """Connects.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        self._service = service
        self._connection: psycopg.Connection[Any] = psycopg.connect(
            database_url, connect_timeout=5, application_name="chaos/writer"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, subject: str, events: int = 1) -> None:
        """Writes some events about a subject in one transaction, and wakes the relay.

        Raises:
            psycopg.OperationalError: The database is away; nobody knows whether it has committed.
        """
        for _ in range(events):
            self._insert(subject)
        self._connection.commit()
        self._connection.execute("NOTIFY outbox")
        self._connection.commit()

    @contextmanager
    def open_transaction(self, subject: str) -> Iterator[None]:
        """Writes an event and commits it only at the end of the block: others take later ids and commit before."""
        self._insert(subject)
        yield
        self._connection.commit()

    def _insert(self, subject: str) -> None:
        claimed = self._connection.execute(_CLAIM, {"subject": subject}).fetchone()
        if claimed is None:
            raise LookupError("an INSERT with RETURNING gave no row")
        self._connection.execute(
            _WRITE,
            {
                "partition": partition_of(subject),
                "message_id": uuid4(),
                "target": f"{self._service}.events",
                "subject": subject,
                "sequence": claimed[0],
                "body": json.dumps({"subject": subject, "number": claimed[0]}).encode(),
            },
        )
