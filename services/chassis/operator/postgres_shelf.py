"""The parked messages of a service with a PostgreSQL database."""

from dataclasses import dataclass
from typing import LiteralString

from services.chassis.consumer.parking import wake_after, wake_next
from services.chassis.consumer.sequence import Subject
from services.chassis.log_parts import is_log
from services.chassis.operator.parked import Parked
from services.chassis.transaction import Transaction

_SELECT: LiteralString = """
SELECT id, channel, source, type, subject, sequence, message_id, error, attempts,
       nullif(retry_at, 'infinity') AS retry_at, parked_at, properties, body
FROM parked_message
"""


@dataclass(frozen=True, slots=True)
class PostgresShelf:
    """Works in one transaction; a message that it has found cannot be applied until that ends."""

    tx: Transaction

    def everything(self) -> list[Parked]:
        """Returns all held messages, oldest first."""
        return self.tx.many(Parked, _SELECT + "ORDER BY id")

    def find(self, parked_id: str) -> Parked | None:
        """Returns a held message, locked."""
        if not parked_id.isdecimal():
            return None
        return self.tx.one(Parked, _SELECT + "WHERE id::text = %(id)s FOR UPDATE", id=parked_id)

    def retry(self, parked_id: str | None) -> int:
        """Makes a message, or all of them, due now."""
        due: int = self.tx.value(
            """WITH due AS (UPDATE parked_message SET retry_at = clock_timestamp()
                            WHERE id::text = coalesce(%(id)s, id::text) AND type IS NOT NULL RETURNING id)
               SELECT count(*) FROM due""",
            id=parked_id,
        )
        return due

    def last_applied(self, source: str, subject: str) -> int:
        """Returns the last sequence of a subject that was applied or passed, locked."""
        last: int | None = self.tx.value(
            "SELECT last FROM log_sequence WHERE source = %(source)s AND subject = %(subject)s FOR UPDATE",
            source=source,
            subject=subject,
        )
        return last or 0

    def forget(self, held: Parked, pass_sequence: bool) -> None:
        """Deletes a message; with `pass_sequence` its subject goes on behind it."""
        if pass_sequence:
            self.tx.execute(
                """INSERT INTO log_sequence (source, subject, last) VALUES (%(source)s, %(subject)s, %(sequence)s)
                   ON CONFLICT (source, subject) DO UPDATE SET last = excluded.last""",
                source=held.source,
                subject=held.subject,
                sequence=held.sequence,
            )
        self.tx.execute("DELETE FROM parked_message WHERE id = %(id)s", id=held.id)
        if held.source is None or held.subject is None:
            return
        if is_log(held.channel):
            last = self.last_applied(held.source, held.subject)
            wake_after(self.tx, held.channel, {Subject(held.source, held.subject): last})
        else:
            wake_next(self.tx, held.channel, held.subject)
