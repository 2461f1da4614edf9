"""Giving up messages that could not be applied or wait for one before them."""

from infirmary.consumer.parked import ParkedMessage, ParkedMessages
from infirmary.transport.log_names import writer_of


class CannotDiscard(Exception):
    """The message may not be given up now; the text says why and what to do first."""


def is_numbered(held: ParkedMessage) -> bool:
    """Says whether later messages of the subject wait for this one: it is one of the log's own writer."""
    return held.sequence is not None and held.source == writer_of(held.channel)


def check_discard(parked: ParkedMessages, parked_id: str) -> ParkedMessage:
    """Returns the message if it may be given up.

    Raises:
        CannotDiscard: There is no such message, or one before it has not been applied.
    """
    held = _found(parked, parked_id)
    gap = _next_sequence(parked, held)
    if held.sequence is not None and gap is not None and held.sequence > gap:
        raise CannotDiscard(
            f"message {held.sequence} of {held.subject} waits for message {gap}; apply or discard that one first,"
            " otherwise what comes after it would wait for ever. If it is not in the list, it has not come:"
            " `skip` goes on without it"
        )
    return held


def check_skip(parked: ParkedMessages, parked_id: str) -> tuple[ParkedMessage, int]:
    """Returns the message, and the first that it waits for, if none of those has come.

    Raises:
        CannotDiscard: There is no such message, it waits for none, or one that it waits for is held.
    """
    held = _found(parked, parked_id)
    gap = _next_sequence(parked, held)
    if held.sequence is None or held.subject is None or gap is None or held.sequence <= gap:
        raise CannotDiscard(f"message {parked_id} waits for no other one")
    between = range(gap, held.sequence)
    for other in parked.of_subject(held.channel, held.subject):
        if other.sequence in between:
            raise CannotDiscard(
                f"message {other.sequence} of {held.subject} has come, and is held as {other.id}: apply, discard"
                " or skip to that one first"
            )
    return held, gap


def discard(parked: ParkedMessages, held: ParkedMessage) -> None:
    """Gives a message up for good. Its sequence is passed with it, so that later ones of its subject go on.

    Args:
        parked: Where it is.
        held: What `check_discard` has returned.
    """
    if held.subject is not None and held.sequence is not None and held.sequence == _next_sequence(parked, held):
        # First: should it be all that is done, then the message is dropped as a duplicate.
        parked.pass_up_to(held.channel, {held.subject: held.sequence})
    parked.give_up(held)


def skip(parked: ParkedMessages, held: ParkedMessage) -> None:
    """Makes a message the next of its subject, and due: those that it waits for are given up.

    Args:
        parked: Where it is.
        held: What `check_skip` has returned.
    """
    if held.subject is not None and held.sequence is not None:
        parked.pass_up_to(held.channel, {held.subject: held.sequence - 1})
    parked.make_due(str(held.id))


def _found(parked: ParkedMessages, parked_id: str) -> ParkedMessage:
    held = parked.find(parked_id)
    if held is None:
        raise CannotDiscard(f"there is no parked message {parked_id}; perhaps it has been applied meanwhile")
    return held


def _next_sequence(parked: ParkedMessages, held: ParkedMessage) -> int | None:
    if not is_numbered(held) or held.subject is None:
        return None
    return parked.last_applied(held.channel, held.subject) + 1
