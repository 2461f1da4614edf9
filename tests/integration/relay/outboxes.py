"""The two outboxes that the conformance suite writes to, as a service would write them."""

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from bson import Binary
from pymongo import MongoClient


@dataclass(frozen=True)
class Message:
    """A message as its writer thinks of it."""

    target: str
    subject: str
    sequence: int | None
    body: bytes
    header: bytes | None = None


def partition_of(subject: str) -> int:
    return zlib.crc32(subject.encode()) % 64


class Outbox(ABC):
    """An outbox of a fresh database.

    Attributes:
        url: As whoever writes to it, and spoils it.
        relay_url: As a relay, with the rights of one.
    """

    url: str
    relay_url: str

    @abstractmethod
    def write(self, messages: list[Message]) -> None:
        """Writes messages; those of one subject in one transaction."""

    @abstractmethod
    def note_logs(self, logs: list[str]) -> None:
        """Notes which logs the service writes."""

    @abstractmethod
    def forget_logs(self) -> None:
        """Removes what they are noted in, as a service of the release before has it."""

    @abstractmethod
    def waiting(self) -> int:
        """Returns how many messages have not been deleted yet."""

    @abstractmethod
    def close(self) -> None:
        """Disconnects the writer."""

    @abstractmethod
    def end_sessions(self) -> None:
        """Ends the relays' sessions on the server, as an operator or a fault would."""


class PostgresOutbox(Outbox):
    def __init__(self, url: str, relay_url: str | None = None) -> None:
        self.url, self.relay_url = url, relay_url or url
        self.session = psycopg.connect(url, autocommit=True)

    def write(self, messages: list[Message]) -> None:
        with self.session.cursor() as cursor:
            cursor.executemany(INSERT, [row(message) for message in messages])
        self.session.execute("NOTIFY outbox")

    def note_logs(self, logs: list[str]) -> None:
        with self.session.cursor() as cursor:
            cursor.executemany("INSERT INTO outbox_log VALUES (%s)", [(log,) for log in logs])

    def forget_logs(self) -> None:
        self.session.execute("DROP TABLE outbox_log")

    def close(self) -> None:
        self.session.close()

    def waiting(self) -> int:
        (count,) = self.session.execute("SELECT count(*) FROM outbox").fetchall()[0]
        return int(count)

    def end_sessions(self) -> None:
        self.session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'relay %'"
        )


INSERT = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body)
VALUES (%s, %s, %s, 'Noted', %s, %s, %s, %s)
"""


def row(message: Message) -> tuple[object, ...]:
    subject = message.subject
    return (partition_of(subject), uuid4(), message.target, subject, message.sequence, message.header, message.body)


class MongoOutbox(Outbox):
    def __init__(self, url: str, relay_url: str | None = None) -> None:
        """Connects, as who owns the database; relays do so by their own URL where there is one."""
        self.url, self.relay_url = url, relay_url or url
        self._client: MongoClient[dict[str, Any]] = MongoClient(url, uuidRepresentation="standard", tz_aware=True)
        self.documents = self._client.get_default_database()["notifications"]

    def write(self, messages: list[Message]) -> None:
        for message in messages:
            entry = {
                "message_id": uuid4(),
                "target": message.target,
                "type": "Noted",
                "subject": message.subject,
                "sequence": message.sequence,
                "header": None if message.header is None else Binary(message.header),
                "body": Binary(message.body),
                "created_at": datetime.now(UTC),
            }
            self.documents.update_one(
                {"_id": UUID(int=zlib.crc32(message.subject.encode()))},
                {
                    "$push": {"outbox": entry},
                    "$set": {"outbox_partition": partition_of(message.subject), "outbox_since": datetime.now(UTC)},
                },
                upsert=True,
            )

    def note_logs(self, logs: list[str]) -> None:
        self._client.get_default_database()["outbox_log"].insert_many([{"_id": log} for log in logs])

    def forget_logs(self) -> None:
        self._client.get_default_database()["outbox_log"].drop()

    def close(self) -> None:
        self._client.close()

    def waiting(self) -> int:
        return sum(len(document["outbox"]) for document in self.documents.find({"outbox_since": {"$exists": True}}))

    def end_sessions(self) -> None:
        """Takes the relays' leases away, which is what a session is here."""
        self._client.get_default_database()["outbox_lease"].delete_many({})
