"""A service that numbers its messages as the library does, in a database that can be set back to an earlier moment."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from bson import Binary

from infirmary_streams.sections import encoded
from tests.integration.relay.outboxes import MongoOutbox, Outbox, PostgresOutbox, partition_of

UNMARKED = {"set_back_since": None, "set_back_because": None, "restored_at": None}


class Numbering(ABC):
    """What the service says, and what its database knows of it."""

    def __init__(self, service: str) -> None:
        self.service = service

    def says(
        self,
        subject: str,
        sequence: int,
        body: str,
        log: str = "events",
        *,
        state: int | None = None,
        at: datetime | None = None,
    ) -> UUID:
        """Writes a message, now or long ago, which tells state again where `state` is given; returns its cause's id."""
        target, name, cause = f"{self.service}.{log}", uuid4(), uuid4()
        sections = encoded(
            message_id=str(name),
            source=self.service,
            message_type="Noted",
            subject=subject,
            time=at or datetime.now(UTC),
            dataschema="urn:x",
            causation_id=str(cause),
            state=state,
            numbered=True,
        )
        row = {"message_id": name, "target": target, "type": "Noted", "subject": subject, "sequence": sequence}
        header = sections + sequence.to_bytes(8, "big")
        counted = subject if log == "events" else f"{target} {subject}"
        self._write(row | {"header": header, "body": body.encode()}, counted, cause)
        return cause

    @abstractmethod
    def _write(self, row: dict[str, Any], counted: str, cause: UUID) -> None: ...

    @abstractmethod
    def is_set_back(self, subject: str, sequence: int, cause: UUID, log: str = "events") -> None:
        """Sets the database back to before a message that was the last of its subject."""

    @abstractmethod
    def is_mended(self, subject: str, sequence: int, cause: UUID) -> None:
        """Takes the number on again, as a restore does, and removes the mark."""

    @abstractmethod
    def mark(self, because: str) -> None:
        """Marks the database, as a consumer or another relay does."""

    @abstractmethod
    def marked_because(self) -> str | None:
        """Returns what is marked in the database."""


class PostgresNumbering(Numbering):
    def __init__(self, service: str, outbox: PostgresOutbox) -> None:
        super().__init__(service)
        self._session = outbox.session

    def _write(self, row: dict[str, Any], counted: str, cause: UUID) -> None:  # noqa: ARG002 - MongoDB's
        columns = {"partition": partition_of(row["subject"]), **row}
        with self._session.transaction():
            self._count(counted, row["sequence"])
            self._session.execute(
                f"INSERT INTO outbox ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
                tuple(columns.values()),
            )

    def _count(self, counted: str, last: int) -> None:
        self._session.execute(
            "INSERT INTO outbox_sequence VALUES (%s, %s) ON CONFLICT (subject) DO UPDATE SET last = excluded.last",
            (counted, last),
        )

    def is_set_back(self, subject: str, sequence: int, cause: UUID, log: str = "events") -> None:  # noqa: ARG002
        counted = subject if log == "events" else f"{self.service}.{log} {subject}"
        if sequence == 1:
            self._session.execute("DELETE FROM outbox_sequence WHERE subject = %s", (counted,))
        else:
            self._count(counted, sequence - 1)

    def is_mended(self, subject: str, sequence: int, cause: UUID) -> None:  # noqa: ARG002
        with self._session.transaction():
            self._count(subject, sequence)
            self._session.execute("UPDATE incarnation SET set_back_since = NULL, set_back_because = NULL")

    def mark(self, because: str) -> None:
        self._session.execute("UPDATE incarnation SET set_back_since = now(), set_back_because = %s", (because,))

    def marked_because(self) -> str | None:
        ((because,),) = self._session.execute("SELECT set_back_because FROM incarnation").fetchall()
        return None if because is None else str(because)


class MongoNumbering(Numbering):
    def __init__(self, service: str, outbox: MongoOutbox) -> None:
        super().__init__(service)
        self._documents = outbox.documents
        self._own = outbox.documents.database["database_identity"]
        self._own.insert_one({"_id": "incarnation", "id": uuid4()} | UNMARKED)

    def _write(self, row: dict[str, Any], counted: str, cause: UUID) -> None:  # noqa: ARG002 - PostgreSQL's
        binary = {name: Binary(row[name]) for name in ("header", "body")}
        since = {"outbox_partition": partition_of(row["subject"]), "outbox_since": datetime.now(UTC)}
        self._documents.insert_one({"_id": cause, "outbox": [row | binary | {"created_at": datetime.now(UTC)}]} | since)

    def is_set_back(self, subject: str, sequence: int, cause: UUID, log: str = "events") -> None:  # noqa: ARG002
        self._documents.delete_one({"_id": cause})

    def is_mended(self, subject: str, sequence: int, cause: UUID) -> None:  # noqa: ARG002
        self._documents.replace_one({"_id": cause}, {"outbox": []}, upsert=True)
        self._own.update_one({"_id": "incarnation"}, {"$set": UNMARKED})

    def mark(self, because: str) -> None:
        mark = {"set_back_since": datetime.now(UTC), "set_back_because": because}
        self._own.update_one({"_id": "incarnation"}, {"$set": mark})

    def marked_because(self) -> str | None:
        because = (self._own.find_one({"_id": "incarnation"}) or {})["set_back_because"]
        return None if because is None else str(because)


def numbering_in(outbox: Outbox, service: str) -> Numbering:
    """Returns the service whose outbox it is."""
    if isinstance(outbox, MongoOutbox):
        return MongoNumbering(service, outbox)
    assert isinstance(outbox, PostgresOutbox)
    return PostgresNumbering(service, outbox)
