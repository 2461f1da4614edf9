"""Messages that could not be applied, or that wait for one before them, kept in the service's own database."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from services.chassis.consumer.backoff import pause_s
from services.chassis.consumer.delivery import Delivery
from services.chassis.envelope import Incoming, MalformedMessage, printable, stored
from services.chassis.transaction import Query, Transaction

MAX_ERROR_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Held:
    """A parked or waiting message."""

    id: int
    channel: str
    source: str | None
    subject: str | None
    sequence: int | None
    message_id: UUID
    type: str | None
    properties: dict[str, Any]
    body: bytes
    error: str | None
    attempts: int

    def message(self) -> Incoming:
        """Returns the message; only for one whose attributes could be read."""
        return stored(self.properties, self.body)


_COLUMNS = (
    "p.id, p.channel, p.source, p.subject, p.sequence, p.message_id, p.type, p.properties, p.body, p.error, p.attempts"
)


def describe(error: BaseException) -> str:
    """Returns an error as it is kept with the message that caused it."""
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS].replace("\x00", "\ufffd")


def hold(tx: Transaction, channel: str, delivery: Delivery, error: BaseException | None) -> None:
    """Keeps a message.

    Without an error it waits for its predecessor; one whose attributes cannot be read waits for a person.
    """
    message = delivery.message if isinstance(delivery.message, Incoming) else None
    tx.execute(
        """INSERT INTO parked_message (channel, source, subject, sequence, message_id, type, properties, body, error,
                                       unreadable, attempts, retry_at)
           VALUES (%(channel)s, %(source)s, %(subject)s, %(sequence)s, %(message_id)s, %(type)s, %(properties)s,
           %(body)s,
                   %(error)s, %(unreadable)s, %(attempts)s,
                   CASE WHEN %(readable)s THEN clock_timestamp() + make_interval(secs => %(pause_s)s) ELSE 'infinity'
                   END)
           ON CONFLICT (channel, message_id) DO NOTHING""",
        channel=channel,
        source=message and message.source,
        subject=message and message.subject,
        sequence=message and message.sequence,
        message_id=delivery.identity,
        type=message and message.type,
        properties=Jsonb(message.attributes() if message else printable(delivery.properties)),
        body=delivery.body,
        error=None if error is None else describe(error),
        unreadable=isinstance(error, MalformedMessage),
        attempts=0 if error is None else 1,
        readable=message is not None,
        pause_s=0.0 if error is None else pause_s(1),
    )


def release(tx: Transaction, held: Held) -> None:
    """Forgets a message that was applied, or that needs to be applied no longer."""
    tx.execute("DELETE FROM parked_message WHERE id = %(id)s", id=held.id)


def failed_again(tx: Transaction, held: Held, error: BaseException) -> None:
    """Notes another failure and when to try next."""
    tx.execute(
        """UPDATE parked_message SET error = %(error)s, unreadable = %(unreadable)s, attempts = attempts + 1,
                  retry_at = clock_timestamp() + make_interval(secs => %(pause_s)s)
           WHERE id = %(id)s""",
        id=held.id,
        error=describe(error),
        unreadable=isinstance(error, MalformedMessage),
        pause_s=pause_s(held.attempts + 1),
    )


def count(query: Query, channel: str) -> int:
    """Returns how many messages of a channel are held."""
    return int(query.value("SELECT count(*) FROM parked_message WHERE channel = %(channel)s", channel=channel))


def some_failed(query: Query, channel: str) -> bool:
    """Says whether any message of a channel is held for another reason than that it waits for the one before it."""
    return bool(
        query.value(
            "SELECT EXISTS (SELECT FROM parked_message WHERE channel = %(channel)s AND error IS NOT NULL)",
            channel=channel,
        )
    )


def missing(query: Query, channel: str) -> int:
    """Returns how many events are missing: later ones of their subject are held, they are neither applied nor held."""
    found = query.value(
        """SELECT sum(highest - last - held) FROM (
               SELECT max(p.sequence) AS highest, coalesce(s.last, 0) AS last, count(DISTINCT p.sequence) AS held
               FROM parked_message p LEFT JOIN log_sequence s ON (s.source, s.subject) = (p.source, p.subject)
               WHERE p.channel = %(channel)s AND p.sequence > coalesce(s.last, 0)
               GROUP BY p.source, p.subject, s.last) AS subjects""",
        channel=channel,
    )
    return int(found or 0)


def due_in_log(tx: Transaction, log: str, at_most: int) -> list[Held]:
    """Returns messages of a log whose turn has come, and which are not backing off.

    Their predecessor was applied, or is the one that comes before them here: many of one subject may have waited for
    one in another part of the log.
    """
    return tx.many(
        Held,
        f"""SELECT {_COLUMNS} FROM parked_message p LEFT JOIN log_sequence s ON (s.source, s.subject) = (p.source,
        p.subject)
            WHERE p.channel = %(log)s AND p.retry_at <= clock_timestamp()
              AND (p.error IS NOT NULL OR p.sequence <= coalesce(s.last, 0) + 1
                   OR p.sequence <= coalesce(s.last, 0) + %(at_most)s
                   AND EXISTS (SELECT FROM parked_message next
                               WHERE (next.channel, next.source, next.subject) = (p.channel, p.source, p.subject)
                                 AND next.sequence = coalesce(s.last, 0) + 1 AND next.retry_at <= clock_timestamp()))
            ORDER BY p.sequence, p.id LIMIT %(at_most)s FOR UPDATE OF p""",
        log=log,
        at_most=at_most,
    )


def due_in_inbox(tx: Transaction, queue: str, at_most: int) -> list[Held]:
    """Returns the first held message of each subject of an inbox queue that is not backing off."""
    return tx.many(
        Held,
        f"""SELECT {_COLUMNS} FROM parked_message p
            WHERE p.channel = %(queue)s AND p.retry_at <= clock_timestamp()
              AND NOT EXISTS (SELECT FROM parked_message earlier
                              WHERE earlier.channel = p.channel AND earlier.subject = p.subject AND earlier.id < p.id
                                AND NOT earlier.unreadable)
            ORDER BY p.id LIMIT %(at_most)s FOR UPDATE""",
        queue=queue,
        at_most=at_most,
    )


def ask_held_subjects(tx: Transaction, channel: str, subjects: Iterable[str]) -> psycopg.Cursor[tuple[str]]:
    """Asks which of the subjects have messages held that later ones must not overtake, and does not wait."""
    return tx.connection.execute(
        """SELECT DISTINCT subject FROM parked_message
           WHERE channel = %s AND subject = ANY(%s) AND NOT unreadable""",
        (channel, list(subjects)),
    )


def of_subject(tx: Transaction, channel: str, subject: str) -> list[Held]:
    """Returns all held messages of one subject, oldest first."""
    return tx.many(
        Held,
        f"""SELECT {_COLUMNS} FROM parked_message p
            WHERE p.channel = %(channel)s AND p.subject = %(subject)s ORDER BY p.id""",
        channel=channel,
        subject=subject,
    )
