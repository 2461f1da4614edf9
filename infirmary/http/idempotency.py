"""Idempotency keys: the same key and body get the first answer again; a second call in flight waits for the first."""

import hashlib
from dataclasses import dataclass, replace
from typing import Final, LiteralString
from uuid import UUID, uuid5

from infirmary.http.problems import conflict, unprocessable
from infirmary.postgres.transaction import Transaction
from infirmary.tracing.causation import Causation

LONGEST_KEY = 255

_NAMESPACE: Final = UUID("6a0c1b52-7d0e-4b0f-9f0c-3a4b8c1d2e5f")

_CLAIM: Final[LiteralString] = """
INSERT INTO idempotency_key (scope, key, request_hash)
SELECT %(scope)s, %(key)s, %(request_hash)s
WHERE NOT EXISTS (SELECT FROM answered WHERE message_id = %(asked_as)s)
ON CONFLICT (scope, key) DO NOTHING RETURNING true
"""
"""A restore notes in `answered` what has led to the messages of which it has made the state again."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What the first call with this key and body was answered."""

    request_hash: bytes
    status: int
    location: str | None
    body: bytes


def checked_key(key: str | None) -> str | None:
    """Returns the header's value.

    Raises:
        Problem: It is empty, too long or holds anything but visible ASCII characters.
    """
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise unprocessable("header.Idempotency-Key", f"should be 1 to {LONGEST_KEY} visible ASCII characters")
    return key


def asked_by(cause: Causation, scope: str, key: str) -> Causation:
    """Returns under what the messages name the request that has led to them, the same whenever it is sent with its key.

    So the log tells, after a database was set back, that the request was carried out.
    """
    return replace(cause, causation_id=str(_asked_as(scope, key)))


def _asked_as(scope: str, key: str) -> UUID:
    return uuid5(_NAMESPACE, f"{scope} {key}")


def claim(tx: Transaction, scope: str, key: str, body: bytes) -> FirstAnswer | None:
    """Makes this the first call with the key, or returns the first one's answer.

    The insert waits for another transaction that holds the key: when that commits, its answer is found; when it
    rolls back, this call is the first.

    Raises:
        Problem: The key was used with another body, or its answer was lost with a database that was set back.
    """
    request_hash = hashlib.sha256(body).digest()
    claimed = tx.value(_CLAIM, scope=scope, key=key, request_hash=request_hash, asked_as=_asked_as(scope, key))
    if claimed:
        return None
    first = tx.one(
        FirstAnswer,
        "SELECT request_hash, status, location, body FROM idempotency_key WHERE scope = %(scope)s AND key = %(key)s",
        scope=scope,
        key=key,
    )
    if first is None:
        raise conflict(
            "the request with this Idempotency-Key was carried out, and its answer was lost when the database was"
            " restored from a backup: look for what it has made; nothing was done now"
        )
    if first.request_hash != request_hash:
        raise unprocessable(
            "header.Idempotency-Key", "was used before with another body; use a new key for a new request"
        )
    return first


def remember(
    tx: Transaction, scope: str, key: str, status: int, location: str | None, body: bytes, about: UUID | None
) -> None:
    """Stores the answer with the key that this transaction claimed; `about` is the person whom it is about."""
    tx.execute(
        """UPDATE idempotency_key SET status = %(status)s, location = %(location)s, body = %(body)s, about = %(about)s
           WHERE scope = %(scope)s AND key = %(key)s""",
        scope=scope,
        key=key,
        status=status,
        location=location,
        body=body,
        about=about,
    )
