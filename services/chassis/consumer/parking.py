"""Messages that could not be applied, or that wait for one before them, kept in the service's own database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from services.chassis.consumer.backoff import pause_s
from services.chassis.consumer.contents import contents_of, whole
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.failure import kept
from services.chassis.consumer.held_now import PARKED, WAITING, HeldNow
from services.chassis.consumer.hindrance import PUT_OFF, told
from services.chassis.consumer.sequence import Subject
from services.chassis.envelope import Incoming, MalformedMessage, stored
from services.chassis.log_parts import is_log
from services.chassis.transaction import Query, Transaction

BLOCKED_S = 600.0
"""When a message is looked at again that must not be tried before another one; whoever settles that one wakes it."""

FRESH_S = 60.0
"""An event that has waited no longer than this may well wait for one that another process is about to apply."""

LOOKED_AT_ONCE = 200
"""So many of the messages that are due are looked at in a turn, those first that have been due for longest."""

EVENTS_LOOKED_AT_ONCE = 2000
"""The same for events: while a log is being split, many may wait at once, and any of them may be the next."""

PUT_OFF_S = (0.5, 5.0)
"""One that was put off for a lock is tried again after an eighth of the time it has been held, within these."""


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
        """Returns the message; only for one whose attributes could be read.

        Raises:
            MalformedMessage: It was too long to be kept whole.
        """
        return whole(self.properties, self.body)

    def readable(self) -> Incoming | None:
        """Returns the message for those who are told of it, as far as its attributes could be read."""
        return None if self.type is None else stored(self.properties, self.body)


@dataclass(frozen=True, slots=True)
class _HeldInState:
    failed: bool
    messages: int
    oldest: datetime


COLUMNS = (
    "p.id, p.channel, p.source, p.subject, p.sequence, p.message_id, p.type, p.properties, p.body, p.error, p.attempts"
)


def hold(
    tx: Transaction, channel: str, delivery: Delivery, error: BaseException | None, is_put_off: bool = False
) -> None:
    """Keeps a message.

    Without an error it waits for its predecessor; one whose attributes cannot be read waits for a person; one that is
    put off, for the lock that it has met.
    """
    message = delivery.message if isinstance(delivery.message, Incoming) else None
    properties, body = contents_of(delivery)
    failed_s = PUT_OFF_S[0] if is_put_off else pause_s(1)
    waits_s = 0.0 if is_log(channel) else BLOCKED_S
    text = None if error is None else told(error) if is_put_off else kept(error)
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
        properties=Jsonb(properties),
        body=body,
        error=text,
        unreadable=isinstance(error, MalformedMessage),
        attempts=0 if error is None else 1,
        readable=message is not None,
        pause_s=waits_s if error is None else failed_s,
    )


def release(tx: Transaction, held: Held) -> None:
    """Forgets a message that was applied, or that needs to be applied no longer, and wakes the one behind it."""
    tx.execute("DELETE FROM parked_message WHERE id = %(id)s", id=held.id)
    if held.subject is not None and not is_log(held.channel):
        wake_next(tx, held.channel, held.subject)


def wake_next(tx: Transaction, queue: str, subject: str) -> None:
    """Makes the first message of a subject of an inbox queue due that only waited for those before it."""
    tx.execute(
        """UPDATE parked_message SET retry_at = statement_timestamp()
           WHERE id = (SELECT id FROM parked_message WHERE channel = %(queue)s AND subject = %(subject)s
                       AND NOT unreadable ORDER BY id LIMIT 1) AND error IS NULL""",
        queue=queue,
        subject=subject,
    )


def wake_after(tx: Transaction, log: str, last: Mapping[Subject, int]) -> None:
    """Makes the events of a log due that waited for the last sequences of their subjects, which are applied now."""
    tx.execute(
        """UPDATE parked_message p SET retry_at = statement_timestamp()
           WHERE id IN (SELECT w.id FROM unnest(%(subjects)s::text[], %(last)s::bigint[]) AS applied (subject, last)
                        JOIN parked_message w ON w.channel = %(log)s AND w.subject = applied.subject
                        WHERE w.error IS NULL AND w.sequence BETWEEN applied.last + 1 AND applied.last + %(at_most)s
                          AND w.retry_at > statement_timestamp() FOR UPDATE OF w SKIP LOCKED)""",
        log=log,
        subjects=[subject.subject for subject in last],
        last=list(last.values()),
        at_most=LOOKED_AT_ONCE,
    )


def failed_again(tx: Transaction, held: Held, error: BaseException) -> None:
    """Notes another failure and when to try next."""
    tx.execute(
        """UPDATE parked_message SET error = %(error)s, unreadable = %(unreadable)s, attempts = attempts + 1,
                  retry_at = clock_timestamp() + make_interval(secs => %(pause_s)s)
           WHERE id = %(id)s""",
        id=held.id,
        error=kept(error),
        unreadable=isinstance(error, MalformedMessage),
        pause_s=pause_s(held.attempts + 1),
    )


def put_off(tx: Transaction, held: Held) -> None:
    """Tries a message again soon that has met somebody's lock; that is no failure of its own."""
    tx.execute(
        """UPDATE parked_message SET retry_at = clock_timestamp()
                  + greatest(make_interval(secs => %(shortest_s)s),
                             least((clock_timestamp() - parked_at) / 8, make_interval(secs => %(longest_s)s)))
           WHERE id = %(id)s""",
        id=held.id,
        shortest_s=PUT_OFF_S[0],
        longest_s=PUT_OFF_S[1],
    )


def count(query: Query, channel: str) -> HeldNow:
    """Returns how many messages of a channel are held, and the oldest since when. What is put off only waits."""
    found = query.many(
        _HeldInState,
        """SELECT coalesce(NOT starts_with(left(error, %(length)s), %(put_off)s), false) AS failed,
                  count(*) AS messages, min(parked_at) AS oldest
           FROM parked_message WHERE channel = %(channel)s GROUP BY 1""",
        channel=channel,
        put_off=PUT_OFF,
        length=len(PUT_OFF),
    )
    counted = {PARKED if state.failed else WAITING: state for state in found}
    return HeldNow(
        {name: state.messages for name, state in counted.items()},
        {name: state.oldest.timestamp() for name, state in counted.items()},
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
        f"""SELECT {COLUMNS} FROM parked_message p
            WHERE p.channel = %(channel)s AND p.subject = %(subject)s ORDER BY p.id""",
        channel=channel,
        subject=subject,
    )
