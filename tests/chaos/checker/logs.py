"""What is in the logs: everything that was given out, and repeats of nothing but the unconfirmed window."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from audit.log_parts import name_of
from tests.chaos.checker.finding import Column, Finding, found
from tests.chaos.history import History, InLog

COMPLETE = "a log holds every message that was given out"
SAME = "a sequence belongs to one message"
WINDOW = "a relay repeats nothing but its unconfirmed window"


def logs_are_complete(history: History) -> Iterator[Finding]:
    """Looks for each sequence from 1 to the last one given out; the order of a log is its readers' business."""
    for stem, given in history.given.items():
        held: dict[str, set[int]] = {}
        for message in history.logs.get(stem, ()):
            held.setdefault(message.subject, set()).add(message.sequence)
        for subject, last in given.items():
            missing = set(range(1, last + 1)) - held.get(subject, set())
            if missing:
                where = f"{name_of(stem, 0)}, subject {subject}"
                yield found(Column.LOST, COMPLETE, where, f"lacks {_some(missing)} of {last}")


def sequences_name_one_message(history: History) -> Iterator[Finding]:
    """Looks for two messages under one number."""
    for stem, messages in history.logs.items():
        owners: dict[tuple[str, int], UUID] = {}
        for message in messages:
            owner = owners.setdefault((message.subject, message.sequence), message.message_id)
            if owner != message.message_id:
                where = f"{name_of(stem, 0)} at {message.offset}, subject {message.subject}"
                yield found(Column.DOUBLED, SAME, where, f"{message.sequence} is another message than before")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A message that a relay has sent again.

    Attributes:
        distance: How many messages had come to the log for the first time since this one did.
    """

    message: InLog
    distance: int


def repeats(messages: Sequence[InLog]) -> list[Repeat]:
    """Returns the repeats of a log, without those that the nemesis has made."""
    first_at: dict[UUID, int] = {}
    again: list[Repeat] = []
    for message in messages:
        if message.injected:
            continue
        if message.message_id in first_at:
            again.append(Repeat(message, len(first_at) - 1 - first_at[message.message_id]))
        else:
            first_at[message.message_id] = len(first_at)
    return again


def repeats_are_of_the_window(history: History, window_messages: int) -> Iterator[Finding]:
    """Looks at how far back each repeat reaches.

    Whoever sends a message again has not seen its confirm, and without that nobody sends more than a window beyond it.

    Args:
        history: What was recorded.
        window_messages: The most that can be sent and unconfirmed, or confirmed and not deleted for good, at any time.
    """
    for stem, messages in history.logs.items():
        for repeat in repeats(messages):
            if repeat.distance >= window_messages:
                where = f"{name_of(stem, 0)} at {repeat.message.offset}, subject {repeat.message.subject}"
                what = f"repeats a message with {repeat.distance} newer ones, the window is {window_messages}"
                yield found(Column.DOUBLED, WINDOW, where, what)


def _some(numbers: set[int]) -> str:
    ordered = sorted(numbers)
    return ", ".join(map(str, ordered[:5])) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
