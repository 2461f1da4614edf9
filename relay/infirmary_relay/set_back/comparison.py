"""Compares the ends of a service's logs with what its database has given out. Pure.

A database that is restored from a backup, or a standby that takes over without the last commits, gives out numbers
again that the world has seen. What it lacks are its last commits, and their messages stand at the very ends of its
logs, unless they were never published: then nothing was lost to the world.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from infirmary_relay.set_back.told import Told

_SHOWN = 200


class Known(NamedTuple):
    """What the database has given out, of the subjects that it was asked about."""

    last: Mapping[str, int]
    """The last sequence by what it is counted under; a subject that is missing was never counted, or is forgotten."""
    waiting: Mapping[tuple[str, int], str]
    """The ids of the messages that stand in the outbox, by what they are counted under and their sequence."""


def set_back(told: Iterable[Told], known: Known, *, expired_before: float) -> str | None:
    """Says in words what the logs hold that the database has not written; None when it has written all of it.

    Args:
        told: The messages at the ends of the logs.
        known: What the database has given out.
        expired_before: In unix time: a log may still hold older messages by chance, and the numbers of their subjects
            may have been forgotten. A subject that begins anew has nothing left in its log, so a number above the last
            one says the same at any age.
    """
    found = [each for each in told if _is_unknown(each, known, expired_before) or _is_given_out_again(each, known)]
    if not found:
        return None
    first = found[0]
    more = f" (and {len(found) - 1} more such messages lie there)" if len(found) > 1 else ""
    return (
        f"the database was set back to an earlier moment: {first.log} holds message {first.message_id:.40} of"
        f" {first.subject:.{_SHOWN}} with sequence {first.sequence}, and the database {_knows(first, known)}{more}"
    )


def _is_unknown(told: Told, known: Known, expired_before: float) -> bool:
    last = known.last.get(told.counted_as)
    if last is None:
        return told.written_at >= expired_before
    return told.sequence > last


def _is_given_out_again(told: Told, known: Known) -> bool:
    return known.waiting.get((told.counted_as, told.sequence), told.message_id) != told.message_id


def _knows(told: Told, known: Known) -> str:
    last = known.last.get(told.counted_as)
    if last is None:
        return "has given out none of it"
    return f"has given out {last} as the last one" if last < told.sequence else "has given that number to another one"
