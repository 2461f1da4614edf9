"""What was answered after the backup: by which messages others' were, and what sagas were told."""

from collections.abc import Collection, Iterable
from typing import Final, LiteralString
from uuid import UUID

import psycopg

from infirmary.messages import Reply
from infirmary.postgres.transaction import Query
from infirmary.restoring.told import Told
from infirmary.transport.body import read_body
from infirmary.transport.envelope import Incoming

_NOTE: Final[LiteralString] = (
    "INSERT INTO answered (message_id) SELECT unnest(%(ids)s::uuid[]) ON CONFLICT (message_id) DO NOTHING"
)

_IS_NOTED: Final[LiteralString] = "SELECT EXISTS (SELECT FROM answered WHERE message_id = %(message_id)s)"

_KEEP: Final[LiteralString] = """
INSERT INTO saga_outcome (saga_id, step, outcome, reason)
VALUES (%(saga_id)s, %(step)s, %(outcome)s, %(reason)s) ON CONFLICT (saga_id, step) DO NOTHING
"""

_IS_KEPT: Final[LiteralString] = (
    "SELECT EXISTS (SELECT FROM saga_outcome WHERE saga_id = %(saga_id)s AND step = %(step)s)"
)


def note_answered(query: Query, message_ids: Collection[UUID]) -> None:
    """Notes that all that messages have caused is made again, so that the consumer passes over them."""
    if message_ids:
        query.execute(_NOTE, ids=list(message_ids))


def ask_answered(query: Query, messages: Iterable[Incoming]) -> psycopg.Cursor[tuple[UUID]]:
    """Asks for those of some messages that were noted; in a pipeline nobody waits for it here."""
    ids = [message.message_id for message in messages]
    return query.connection.execute("SELECT message_id FROM answered WHERE message_id = ANY(%s)", (ids,))


def keep_answer(query: Query, told: Told) -> bool:
    """Keeps what a saga was answered, so that every later attempt gets the same; says whether it could be kept.

    A step that was done is so by the event that tells what it has changed. Where the log has the answer and not that
    event, which was lost with the database, or where nothing had to be changed, the step is done anew when its command
    is read again: an answer that was kept would hide that nothing is done.
    """
    reply = read_body(Reply, told.message.body)
    values = {"saga_id": reply.saga_id, "step": reply.step, "outcome": reply.outcome, "reason": reply.reason}
    is_told = reply.outcome == "refused" or bool(query.value(_IS_NOTED, message_id=told.causation_id))
    if not is_told and not query.value(_IS_KEPT, saga_id=reply.saga_id, step=reply.step):
        return False
    query.execute(_KEEP, **values)
    return True
