"""Settling what retention has taken of a log before it was read: its subjects go on without it."""

from collections.abc import Iterable

from infirmary.consumer.parked import ParkedMessage, ParkedMessages
from infirmary.operator.parked import is_numbered
from infirmary.transport.log_names import is_old_queue, parsed


def gaps(parked: ParkedMessages, log: str) -> dict[str, tuple[int, int]]:
    """Returns the subjects of a log that wait for messages that have not come, each with the first and last of those.

    Args:
        parked: What is held.
        log: The log, with all its parts.
    """
    missing = {}
    for subject, least in _least_held(parked.everything(), log).items():
        last = parked.last_applied(log, subject)
        if least > last + 1:
            missing[subject] = last + 1, least - 1
    return missing


def go_on_without(parked: ParkedMessages, log: str, missing: dict[str, tuple[int, int]]) -> None:
    """Lets subjects go on behind what they wait for; should it come after all, it is dropped.

    Args:
        parked: What is held.
        log: The log.
        missing: What `gaps` has returned.
    """
    if missing:
        parked.pass_up_to(log, {subject: last for subject, (_, last) in missing.items()})
        parked.make_due(None)


def _least_held(held: Iterable[ParkedMessage], log: str) -> dict[str, int]:
    least: dict[str, int] = {}
    for each in held:
        if is_old_queue(each.channel) or parsed(each.channel).log != log or not is_numbered(each):
            continue
        subject, sequence = each.subject or "", each.sequence or 0
        least[subject] = min(sequence, least.get(subject, sequence))
    return least
