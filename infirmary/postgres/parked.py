"""The held messages of a service with a PostgreSQL database: rows of `parked_message`, in the transaction at hand."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from infirmary.consumer.backoff import pause_s
from infirmary.consumer.contents import contents_of
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.due import Due
from infirmary.consumer.failure import kept
from infirmary.consumer.parked import WOKEN_AT_ONCE, ParkedId, ParkedMessage
from infirmary.consumer.sequence import Last, NumberGivenOutTwice
from infirmary.postgres.locks import told
from infirmary.postgres.parked_counts import ParkedCounts
from infirmary.postgres.sequences import ask_for_last, raise_to
from infirmary.postgres.sequences import told as read
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary.transport.log_names import scope_of

PUT_OFF_S: Final = (0.5, 5.0)
"""One that was put off for a lock is tried again after an eighth of the time it has been held, within these."""

_SELECT: Final[LiteralString] = """
SELECT id, channel, source, type, subject, sequence, message_id, error, unreadable, attempts,
       nullif(retry_at, 'infinity') AS retry_at, parked_at, properties, body
FROM parked_message
"""

_DUE: Final[LiteralString] = """
SELECT p.id, p.subject, p.sequence, p.attempts, p.retry_at, p.error IS NOT NULL AS failed,
       extract(epoch FROM statement_timestamp() - p.parked_at)::float8 AS waited_s, coalesce(s.last, 0) AS last
FROM parked_message p LEFT JOIN log_sequence s ON s.source = %(scope)s AND s.subject = p.subject
WHERE p.id IN (
    (SELECT id FROM parked_message WHERE channel = %(channel)s AND retry_at <= statement_timestamp()
     ORDER BY retry_at LIMIT %(at_once)s)
    UNION
    (SELECT id FROM parked_message WHERE channel = %(channel)s AND attempts = 0 AND retry_at <= statement_timestamp()
     ORDER BY retry_at LIMIT %(at_once)s)
    UNION
    (SELECT id FROM parked_message WHERE channel = %(channel)s AND attempts > 0 AND retry_at <= statement_timestamp()
     ORDER BY attempts, retry_at LIMIT %(at_most)s))
ORDER BY p.sequence, p.id
"""
"""Those that have been due for longest; of those that only waited, which a heap of failed ones must not keep; and those
that have failed least."""


class PostgresParked(ParkedCounts):
    """Works in one transaction; a message that it has lent cannot be changed by others until that ends."""

    def hold(self, channel: str, delivery: Delivery, error: BaseException | None, *, is_put_off: bool = False) -> None:
        """Keeps a message, once; of one that was only waiting it is known from now on what it fails with."""
        message = delivery.message if isinstance(delivery.message, Incoming) else None
        properties, body = contents_of(delivery)
        failed_s = PUT_OFF_S[0] if is_put_off else pause_s(1)
        self._query.execute(
            """INSERT INTO parked_message (channel, source, subject, sequence, message_id, type, properties, body,
                                           error, unreadable, attempts, retry_at)
               VALUES (%(channel)s, %(source)s, %(subject)s, %(sequence)s, %(message_id)s, %(type)s, %(properties)s,
                       %(body)s, %(error)s, %(unreadable)s, %(attempts)s,
                       CASE WHEN %(is_tried)s THEN clock_timestamp() + make_interval(secs => %(pause_s)s)
                            ELSE 'infinity' END)
               ON CONFLICT (channel, message_id) DO UPDATE
               SET (error, unreadable, attempts, retry_at)
                   = (excluded.error, excluded.unreadable, excluded.attempts, excluded.retry_at)
               WHERE parked_message.error IS NULL AND excluded.error IS NOT NULL""",
            channel=channel,
            source=message and message.source,
            subject=message and message.subject,
            sequence=message and message.sequence,
            message_id=delivery.identity,
            type=message and message.type,
            properties=Jsonb(properties),
            body=body,
            error=None if error is None else told(error) if is_put_off else kept(error),
            unreadable=isinstance(error, MalformedMessage),
            attempts=0 if error is None else 1,
            is_tried=message is not None and not isinstance(error, NumberGivenOutTwice),
            pause_s=0.0 if error is None else failed_s,
        )

    def look(self, channel: str, at_once: int, at_most: int) -> list[Due]:
        """Returns messages that are due, in the order of their sequences."""
        return self._query.many(Due, _DUE, channel=channel, scope=scope_of(channel), at_once=at_once, at_most=at_most)

    def take(self, ids: Sequence[ParkedId]) -> list[ParkedMessage]:
        """Returns messages, locked, in the order of their ids' list, but for those that are in other hands or gone."""
        if not ids:
            return []
        found = self._query.many(
            ParkedMessage, _SELECT + "WHERE id = ANY(%(ids)s::bigint[]) FOR UPDATE SKIP LOCKED", ids=list(ids)
        )
        return sorted(found, key=lambda held: ids.index(held.id))

    def of_subject(self, channel: str, subject: str) -> list[ParkedMessage]:
        """Returns all messages of one subject, in the order of their sequences."""
        return self._query.many(
            ParkedMessage,
            _SELECT + "WHERE channel = %(channel)s AND subject = %(subject)s ORDER BY sequence, id",
            channel=channel,
            subject=subject,
        )

    def release(self, held: ParkedMessage) -> None:
        """Forgets a message that was applied, or that needs to be applied no longer."""
        self._query.execute("DELETE FROM parked_message WHERE id = %(id)s", id=held.id)

    def failed_again(self, held: ParkedMessage, error: BaseException) -> None:
        """Notes another failure and when to try next."""
        self._query.execute(
            """UPDATE parked_message SET error = %(error)s, unreadable = unreadable OR %(unreadable)s,
                      attempts = attempts + 1, retry_at = clock_timestamp() + make_interval(secs => %(pause_s)s)
               WHERE id = %(id)s""",
            id=held.id,
            error=kept(error),
            unreadable=isinstance(error, MalformedMessage),
            pause_s=pause_s(held.attempts + 1),
        )

    def put_off(self, held: ParkedMessage) -> None:
        """Tries a message again soon that has met somebody's lock; that is no failure of its own."""
        self._query.execute(
            """UPDATE parked_message SET retry_at = clock_timestamp()
                      + greatest(make_interval(secs => %(shortest_s)s),
                                 least((clock_timestamp() - parked_at) / 8, make_interval(secs => %(longest_s)s)))
               WHERE id = %(id)s""",
            id=held.id,
            shortest_s=PUT_OFF_S[0],
            longest_s=PUT_OFF_S[1],
        )

    def postpone(self, pauses_s: Mapping[ParkedId, float]) -> None:
        """Looks at messages again after a pause each, but for those that are in other hands."""
        if not pauses_s:
            return
        self._query.execute(
            """UPDATE parked_message p SET retry_at = statement_timestamp() + make_interval(secs => early.pause_s)
               FROM unnest(%(ids)s::bigint[], %(pauses_s)s::float8[]) AS early (id, pause_s)
               WHERE p.id = early.id
                 AND p.id IN (SELECT id FROM parked_message WHERE id = ANY(%(ids)s::bigint[])
                              FOR UPDATE SKIP LOCKED)""",
            ids=list(pauses_s),
            pauses_s=list(pauses_s.values()),
        )

    def wake_after(self, channel: str, last: Mapping[str, int]) -> None:
        """Makes the messages due that waited for the last sequences of their subjects, which are applied now."""
        self._query.execute(
            """UPDATE parked_message p SET retry_at = statement_timestamp()
               WHERE id IN (SELECT w.id FROM unnest(%(subjects)s::text[], %(last)s::bigint[]) AS applied (subject, last)
                            JOIN parked_message w ON w.channel = %(channel)s AND w.subject = applied.subject
                            WHERE w.error IS NULL
                              AND w.sequence BETWEEN applied.last + 1 AND applied.last + %(at_most)s
                              AND w.retry_at > statement_timestamp() FOR UPDATE OF w SKIP LOCKED)""",
            channel=channel,
            subjects=list(last),
            last=list(last.values()),
            at_most=WOKEN_AT_ONCE,
        )

    def everything(self) -> Iterable[ParkedMessage]:
        """Gives all messages, oldest first."""
        return self._query.many(ParkedMessage, _SELECT + "ORDER BY id")

    def find(self, parked_id: str) -> ParkedMessage | None:
        """Returns a message, locked."""
        if not parked_id.isdecimal():
            return None
        return self._query.one(ParkedMessage, _SELECT + "WHERE id::text = %(id)s FOR UPDATE", id=parked_id)

    def make_due(self, parked_id: str | None) -> int:
        """Makes a message, or all of them, due now, but for those whose attributes cannot be read."""
        due: int = self._query.value(
            """WITH due AS (UPDATE parked_message SET retry_at = clock_timestamp()
                            WHERE type IS NOT NULL
                              AND (id::text = %(id)s OR %(id)s::text IS NULL AND retry_at < 'infinity') RETURNING id)
               SELECT count(*) FROM due""",
            id=parked_id,
        )
        return due

    def last_applied(self, channel: str, subject: str) -> int:
        """Returns the last sequence of a log's subject that was applied or passed, locked; 0 for none."""
        last = read(ask_for_last(self._query, channel, [subject], lock=True)).get(subject)
        return 0 if last is None else last.sequence

    def pass_up_to(self, channel: str, last: Mapping[str, int]) -> None:
        """Lets subjects of a log go on behind sequences; one that is further already stays there."""
        raise_to(self._query, channel, {subject: Last(sequence) for subject, sequence in last.items()})

    def give_up(self, held: ParkedMessage) -> None:
        """Deletes a message and wakes those behind it."""
        self.release(held)
        if held.subject is not None:
            self.wake_after(held.channel, {held.subject: self.last_applied(held.channel, held.subject)})
