"""Which of the held messages are to be tried now: a bounded look in each turn, by an index, however many are held."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from services.chassis.consumer.fairness import fairly
from services.chassis.consumer.parking import BLOCKED_S, COLUMNS, EVENTS_LOOKED_AT_ONCE, FRESH_S, LOOKED_AT_ONCE, Held
from services.chassis.transaction import Query, Transaction

_LOOKED_AT: Final[LiteralString] = """
    (SELECT id FROM parked_message WHERE channel = %(channel)s AND retry_at <= statement_timestamp()
     ORDER BY retry_at LIMIT %(at_once)s)
    UNION
    (SELECT id FROM parked_message WHERE channel = %(channel)s AND attempts = 0 AND retry_at <= statement_timestamp()
     ORDER BY retry_at LIMIT %(at_once)s)
    UNION
    (SELECT id FROM parked_message WHERE channel = %(channel)s AND attempts > 0 AND retry_at <= statement_timestamp()
     ORDER BY attempts, retry_at LIMIT %(at_most)s)
"""
"""Those that have been due for longest; of those that only waited, which a heap of failed ones must not keep; and those
that have failed least."""


def some_due_failed(query: Query, channel: str) -> bool | None:
    """Says whether any of the messages of a channel that are due has failed before; None if nothing is due."""
    found: bool | None = query.value(
        """SELECT bool_or(failed) FROM (SELECT error IS NOT NULL AS failed FROM parked_message
                                        WHERE channel = %(channel)s AND retry_at <= statement_timestamp()
                                        ORDER BY retry_at LIMIT %(at_once)s) AS due""",
        channel=channel,
        at_once=LOOKED_AT_ONCE,
    )
    return found


@dataclass(frozen=True, slots=True)
class _Due:
    id: int
    source: str
    subject: str
    sequence: int | None
    attempts: int
    retry_at: datetime
    failed: bool
    last: int


@dataclass(frozen=True, slots=True)
class _DueInInbox:
    id: int
    attempts: int
    retry_at: datetime
    failed: bool
    blocked: bool


def due_in_log(tx: Transaction, log: str, at_most: int) -> list[Held]:
    """Returns messages of a log whose turn has come, in the order of their sequences, and puts off the others.

    Of those that have failed before at most so many; those that only waited are as good as new ones. Their predecessor
    was applied, or is one that comes before them here: many of one subject may have waited for one in another part of
    the log. Where there are too many to be looked at together, those that have waited for long are so more rarely.
    """
    looked_at = tx.many(
        _Due,
        f"""SELECT p.id, p.source, p.subject, p.sequence, p.attempts, p.retry_at, p.error IS NOT NULL AS failed,
                   coalesce(s.last, 0) AS last
            FROM parked_message p LEFT JOIN log_sequence s ON (s.source, s.subject) = (p.source, p.subject)
            WHERE p.id IN ({_LOOKED_AT}) ORDER BY p.sequence, p.id""",
        channel=log,
        at_once=EVENTS_LOOKED_AT_ONCE,
        at_most=at_most,
    )
    chosen = [due.id for due in fairly(due for due in looked_at if due.failed)[:at_most]]
    last: dict[tuple[str, str], int] = {}
    eligible, early = list(chosen), []
    among_them = frozenset(chosen)
    for due in looked_at:
        key = (due.source, due.subject)
        known = last.setdefault(key, due.last)
        if due.failed and due.id not in among_them:
            continue
        if due.failed or due.sequence is None or due.sequence <= known + 1:
            if not due.failed:
                eligible.append(due.id)
            last[key] = max(known, due.sequence or 0)
        else:
            early.append(due.id)
    if len(looked_at) >= EVENTS_LOOKED_AT_ONCE and early:
        tx.execute(
            """UPDATE parked_message SET retry_at = statement_timestamp()
                      + CASE WHEN parked_at > statement_timestamp() - make_interval(secs => %(fresh_s)s)
                        THEN make_interval(secs => 1)
                        ELSE least((statement_timestamp() - parked_at) / 8, make_interval(secs => %(at_most_s)s)) END
               WHERE id IN (SELECT id FROM parked_message WHERE id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED)""",
            ids=early,
            fresh_s=FRESH_S,
            at_most_s=BLOCKED_S,
        )
    return _locked(tx, eligible[:LOOKED_AT_ONCE])


def due_in_inbox(tx: Transaction, queue: str, at_most: int) -> list[Held]:
    """Returns messages of an inbox queue that are due and the first of their subject, and puts off the others.

    Of those that have failed before at most so many; those that only waited are as good as new ones.
    """
    looked_at = tx.many(
        _DueInInbox,
        f"""SELECT p.id, p.attempts, p.retry_at, p.error IS NOT NULL AS failed,
                   EXISTS (SELECT FROM parked_message earlier
                           WHERE earlier.channel = p.channel AND earlier.subject = p.subject AND earlier.id < p.id
                             AND NOT earlier.unreadable) AS blocked
            FROM parked_message p WHERE p.id IN ({_LOOKED_AT}) ORDER BY p.retry_at, p.id""",
        channel=queue,
        at_once=LOOKED_AT_ONCE,
        at_most=at_most,
    )
    blocked = [due.id for due in looked_at if due.blocked]
    if blocked:
        tx.execute(
            """UPDATE parked_message SET retry_at = statement_timestamp() + make_interval(secs => %(blocked_s)s)
               WHERE id IN (SELECT id FROM parked_message WHERE id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED)""",
            ids=blocked,
            blocked_s=BLOCKED_S,
        )
    first = [due for due in looked_at if not due.blocked]
    failed = [due.id for due in fairly(due for due in first if due.failed)[:at_most]]
    return _locked(tx, [due.id for due in first if not due.failed] + failed)


def in_time(due: Iterable[Held], until: float) -> Iterator[Held]:
    """Gives the messages that are due; once the time is up, of those that have failed before only the first."""
    some_failed = False
    for held in due:
        if held.error is None or not some_failed or time.monotonic() < until:
            some_failed = some_failed or held.error is not None
            yield held


def _locked(tx: Transaction, ids: list[int]) -> list[Held]:
    """Returns messages in the order of their ids' list, but for those that somebody holds or has taken away."""
    if not ids:
        return []
    found = tx.many(
        Held, f"SELECT {COLUMNS} FROM parked_message p WHERE p.id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED", ids=ids
    )
    return sorted(found, key=lambda held: ids.index(held.id))
