"""What a header says, field by field, and what is wrong in it: for whoever writes rows without the library. Pure.

More is wrong here than what the relay holds back: it sends what every reader can be shown, and a reader parks a message
whose attributes it misses.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

ANNOTATIONS: Final = "message annotations"
PROPERTIES: Final = "properties"
APPLICATION: Final = "application properties"
HEADERS: Final = "headers"

Place = tuple[str, str]
"""A section, and a field's name in it."""


class Field(NamedTuple):
    """One value of a header."""

    section: str
    name: str
    kind: str
    """Its type, by its name in AMQP and the byte before it."""
    value: Any


class Explanation(NamedTuple):
    """A header, explained."""

    version: int | None
    """Of the outbox contract; None for what is none of its headers."""
    fields: list[Field]
    """As far as it can be read, in their order."""
    wrong: list[str]
    """Each names the field; empty for a header that is as the contract has it."""

    def value(self, place: Place) -> Any:
        """What stands at a place; None where nothing does."""
        return next((each.value for each in self.fields if (each.section, each.name) == place), None)


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def moment(value: Any) -> datetime | None:
    """The moment that a text tells; None where it tells none, or no offset."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None


_MUST_BE: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "id": (_is_id, "a UUID in lower case with its hyphens"),
    "source": (bool, "the name of the service that writes it"),
    "type": (bool, "the message's name"),
    "subject": (bool, "what the message is about"),
    "time": (lambda value: moment(value) is not None, "RFC 3339 with an offset, as 2026-11-26T12:00:01.000005+00:00"),
    "content type": (bool, "application/json, or what the body is"),
}


def wrong_in_attributes(said: Explanation, places: Mapping[str, Place]) -> list[str]:
    """What a reader would miss, or not understand.

    Args:
        said: What stands in the header.
        places: Where this version has each attribute.
    """
    wrong = []
    for attribute, (is_right, what) in _MUST_BE.items():
        section, name = places[attribute]
        value = said.value(places[attribute])
        if value is None:
            wrong.append(f"its {name} is missing among the {section}: {what}")
        elif not is_right(value):
            wrong.append(f"its {name} among the {section} is {value!r:.60}, and should be {what}")
    sequence = said.value(places["sequence"])
    if sequence is not None and not (type(sequence) is int and sequence >= 1):
        wrong.append(f"its sequence is {sequence!r:.40}, and should be 1, 2, 3 ... for each log and subject")
    return wrong


def wrong_in_seconds(name: str, seconds: float | None, time: Any) -> list[str]:
    """What is wrong in the second place where a message's time is told, whole seconds of the first."""
    at = moment(time)
    if seconds is None or at is None or int(at.timestamp()) == int(seconds):
        return []
    try:
        shown = datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        shown = "no time at all"
    return [f"its {name} is {shown}, and its time {time}: they should be of the same second"]
