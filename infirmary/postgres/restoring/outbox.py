"""The outbox's numbers while a database is restored: taken on from the log, and given anew to what was not sent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from infirmary.postgres.ended_subjects import NOTE
from infirmary.postgres.transaction import Query
from infirmary.restoring.numbers import Unsent
from infirmary.restoring.told import counted_under
from infirmary.transport.log_names import is_old_queue, parsed
from infirmary_streams.sections import STATE_PROPERTY

_TAKE_ON: Final[LiteralString] = """
INSERT INTO outbox_sequence (subject, last) SELECT * FROM unnest(%(subjects)s::text[], %(last)s::bigint[])
ON CONFLICT (subject) DO UPDATE SET last = excluded.last
"""
"""Lower, too, where numbers were given out a second time: their rows get others behind this one."""

_NUMBER: Final[LiteralString] = """
WITH claimed AS (
    INSERT INTO outbox_sequence AS s (subject, last) VALUES (%(counted)s, 1)
    ON CONFLICT (subject) DO UPDATE SET last = s.last + 1 RETURNING last
)
UPDATE outbox SET sequence = last, header = substring(header FOR length(header) - 8) || int8send(last)
FROM claimed WHERE id = %(id)s
"""
"""A row's header ends with its number, 8 bytes (docs/outbox-contract.md)."""


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    message_id: UUID
    target: str
    subject: str
    sequence: int | None


def last_given_out(query: Query, counted_as: Collection[str]) -> dict[str, int]:
    """Returns the last numbers given out, by what they are counted under."""
    found = query.connection.execute(
        "SELECT subject, last FROM outbox_sequence WHERE subject = ANY(%s)", (list(counted_as),)
    )
    return dict(found.fetchall())


def unsent(query: Query, subjects: Collection[str]) -> list[Unsent]:
    """Returns the numbered rows of some subjects that wait for the relay, but for what tells state again.

    That has the number of the message that it stands for; its header has a property `state`.
    """
    rows = query.many(
        _Row,
        """SELECT id, message_id, target, subject, sequence FROM outbox
           WHERE subject = ANY(%(subjects)s) AND sequence IS NOT NULL
           AND coalesce(position(%(state)s::bytea IN header), 0) = 0""",
        subjects=list(subjects),
        state=STATE_PROPERTY,
    )
    return [
        Unsent(row.message_id, counted_under(row.target, row.subject), row.sequence)
        for row in rows
        if row.sequence is not None and not is_old_queue(row.target)
    ]


def take_on(query: Query, last: Mapping[str, int], again: Collection[UUID], sent: Collection[UUID]) -> None:
    """Notes what the log has.

    Args:
        query: The transaction.
        last: The last number of each subject that has got on.
        again: The messages of rows that lose their number: `number_again` gives them another one.
        sent: The messages that are in the log, so that no row of them needs to be sent.
    """
    if last:
        query.execute(_TAKE_ON, subjects=list(last), last=list(last.values()))
    if again:
        query.execute("UPDATE outbox SET sequence = NULL WHERE message_id = ANY(%(ids)s)", ids=list(again))
    query.execute("DELETE FROM outbox WHERE message_id = ANY(%(ids)s)", ids=list(sent))


def note_ends(query: Query, log: str, ended: Mapping[str, int]) -> None:
    """Notes the subjects that have ended, with the last numbers, so that they are forgotten in their time."""
    if ended:
        query.execute(NOTE, source=parsed(log).log, subjects=list(ended), last=list(ended.values()))


def number_again(query: Query) -> int:
    """Gives the rows that have lost their number the next ones, in their order; returns how many there were."""
    rows = query.many(
        _Row,
        """SELECT id, message_id, target, subject, sequence FROM outbox
           WHERE sequence IS NULL AND header IS NOT NULL ORDER BY id FOR UPDATE""",
    )
    lost = [row for row in rows if not is_old_queue(row.target)]
    for row in lost:
        query.execute(_NUMBER, counted=counted_under(row.target, row.subject), id=row.id)
    return len(lost)
