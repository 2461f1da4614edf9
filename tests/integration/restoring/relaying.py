"""Moves an outbox to its logs as a relay does, and leaves what a test wants lost."""

from collections.abc import Callable
from typing import Any

import amqp
import psycopg
from kombu.connection import Connection

from infirmary_streams.received import received

LOGS = ("notification.events", "notification.to.admission")


class Relaying:
    """A broker with empty logs, and what moves messages there."""

    def __init__(self, url: str, logs: tuple[str, ...] = LOGS) -> None:
        self._connection = Connection(url, transport_options={"confirm_publish": True})
        self._channel: Any = self._connection.channel()
        self._logs = logs
        self._declare({})

    def begin_anew(self, **limits: int) -> None:
        """Makes the logs empty again; retention cuts them by these limits."""
        self._declare({name.replace("_", "-"): value for name, value in limits.items()})

    def send(self, database: psycopg.Connection[Any], lost: Callable[[str], bool] = lambda _: False) -> None:
        """Empties the outbox of a database into the logs.

        Args:
            database: Where the outbox is.
            lost: Of which types nothing gets there.
        """
        rows = database.execute("SELECT target, type, header, body FROM outbox ORDER BY id").fetchall()
        for target, kind, header, body in rows:
            if not lost(kind):
                self.publish(target, header, body)
        database.execute("DELETE FROM outbox")

    def publish(self, target: str, header: bytes, body: bytes) -> None:
        """Sends one message of an outbox to its log."""
        size = len(body).to_bytes(4, "big")
        properties, read = received(header + b"\x00\x53\x75\xb0" + size + body)
        timestamp = properties.pop("timestamp", None)
        message = amqp.Message(read, delivery_mode=2, timestamp=timestamp, **properties)
        self._channel.basic_publish(message, routing_key=target)

    def close(self) -> None:
        """Deletes the logs and disconnects."""
        self._delete()
        self._connection.close()

    def _declare(self, limits: dict[str, int]) -> None:
        self._delete()
        for log in self._logs:
            arguments = {"x-queue-type": "stream"} | limits
            self._channel.queue_declare(log, durable=True, auto_delete=False, arguments=arguments)

    def _delete(self) -> None:
        for log in self._logs:
            self._channel.queue_delete(log)
