"""Forgets a person in the library's own tables: in messages that are held, and in answers that are kept with keys."""

from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from infirmary.erasing import Personal, error_without_person, without_person
from infirmary.postgres.transaction import Transaction

_HELD: Final[LiteralString] = """
SELECT id, error, body FROM parked_message
WHERE subject = %(person)s OR position(convert_to(%(person)s, 'UTF8') IN body) > 0 ORDER BY id FOR UPDATE
"""
"""Whatever names the person: a message that nobody can read has no subject. Few are ever held."""

_KEEP_HELD: Final[LiteralString] = "UPDATE parked_message SET body = %(body)s, error = %(error)s WHERE id = %(id)s"

_ANSWERS: Final[LiteralString] = """
SELECT scope, key, body FROM idempotency_key WHERE about = %(person)s AND body IS NOT NULL
ORDER BY scope, key FOR UPDATE
"""

_KEEP_ANSWER: Final[LiteralString] = """
UPDATE idempotency_key SET body = %(body)s WHERE scope = %(scope)s AND key = %(key)s
"""

_AWAIT_ANSWERS: Final[LiteralString] = "LOCK TABLE idempotency_key IN SHARE MODE"


@dataclass(frozen=True, slots=True)
class _Held:
    id: int
    error: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class _Answer:
    scope: str
    key: str
    body: bytes


def await_answers(tx: Transaction) -> None:
    """Waits for the requests with a key that are under way, and keeps others waiting until the transaction ends.

    One of them may have read a name before it is erased, and store it with its answer afterwards. To be called first,
    before anything is locked that such a request might wait for. It is rare, and takes no longer than a request does.
    """
    tx.execute(_AWAIT_ANSWERS)


def forget(tx: Transaction, person: UUID, personal: Personal) -> None:
    """Takes what is personal out of held messages and kept answers that are about a person.

    They stay what they are: a message can still be applied, and a request that is repeated gets the first answer, with
    what stands there now. An answer that a release before this one has kept, which did not note whom it is about, goes
    with its key.

    Args:
        tx: The transaction.
        person: The person's id, as messages and answers have it.
        personal: What stands in which fields from now on.
    """
    for held in tx.many(_Held, _HELD, person=str(person)):
        body = without_person(held.body, personal)
        if body != held.body:
            error = None if held.error is None else error_without_person(held.error)
            tx.execute(_KEEP_HELD, id=held.id, body=body, error=error)
    for answer in tx.many(_Answer, _ANSWERS, person=person):
        body = without_person(answer.body, personal)
        tx.execute(_KEEP_ANSWER, scope=answer.scope, key=answer.key, body=body)
