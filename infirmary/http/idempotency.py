"""Idempotency keys: the same key and body get the first answer again; a second call in flight waits for the first."""

import hashlib
from dataclasses import dataclass

from infirmary.http.problems import unprocessable
from infirmary.postgres.transaction import Transaction

LONGEST_KEY = 255


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


def claim(tx: Transaction, scope: str, key: str, body: bytes) -> FirstAnswer | None:
    """Makes this the first call with the key, or returns the first one's answer.

    The insert waits for another transaction that holds the key: when that commits, its answer is found; when it
    rolls back, this call is the first.

    Raises:
        Problem: The key was used with another body.
    """
    request_hash = hashlib.sha256(body).digest()
    claimed = tx.value(
        """INSERT INTO idempotency_key (scope, key, request_hash) VALUES (%(scope)s, %(key)s, %(request_hash)s)
           ON CONFLICT (scope, key) DO NOTHING RETURNING true""",
        scope=scope,
        key=key,
        request_hash=request_hash,
    )
    if claimed:
        return None
    first = tx.one(
        FirstAnswer,
        "SELECT request_hash, status, location, body FROM idempotency_key WHERE scope = %(scope)s AND key = %(key)s",
        scope=scope,
        key=key,
    )
    if first is None or first.request_hash != request_hash:
        raise unprocessable(
            "header.Idempotency-Key", "was used before with another body; use a new key for a new request"
        )
    return first


def remember(tx: Transaction, scope: str, key: str, status: int, location: str | None, body: bytes) -> None:
    """Stores the answer with the key that this transaction claimed."""
    tx.execute(
        """UPDATE idempotency_key SET status = %(status)s, location = %(location)s, body = %(body)s
           WHERE scope = %(scope)s AND key = %(key)s""",
        scope=scope,
        key=key,
        status=status,
        location=location,
        body=body,
    )
