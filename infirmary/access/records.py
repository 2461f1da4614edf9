"""What is on record of a request, and the notice by which a service tells it to the one that keeps the record."""

import threading
import time
from collections.abc import Callable
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from infirmary.identifiers import new_id, time_in
from infirmary.message_fields import Flag, Moment
from infirmary.messages import Notice

MOST_IN_ONE: Final = 100
"""Accesses in one notice."""

MOST_BYTES: Final = 100_000
"""What the accesses of one notice take as JSON, if they are several: far from the largest message."""

TRACK_S: Final = 86_400.0
"""For how long a track is used. Readers and writers forget a track's numbers by the age of its id, after some weeks."""

MOST_IN_A_TRACK: Final = 1000
"""Notices in one track: in MongoDB they wait in one document, which has a largest size, while the relay is away."""


def _without_nul(line: str) -> str:
    if "\0" in line:
        raise ValueError("should hold no NUL, which no database keeps")
    return line


Line = Annotated[str, Field(max_length=1000), AfterValidator(_without_nul)]
"""Whatever is said of a request: it came through HTTP, and holds what that lets through."""


class Access(BaseModel):
    """One request that an endpoint was asked for. It holds no name of a person, but for the caller's `sub`.

    Attributes:
        access_id: Its own id, a UUID of version 7.
        at: When it was answered.
        caller: Who asked (`sub`); None where that is not known, or nobody is asked who he is.
        identified: Whether the service asks for tokens at all.
        roles: What the caller is in the hospital, as the provider says.
        method: GET, POST and so on.
        route: The endpoint's path, with names in place of values.
        scope: What a caller has to be allowed to.
        person: The id of the person whom it is about, if it is one.
        several: Whether the answer may tell of several persons.
        address: Where it came from, as the process sees it.
        status: What was answered.
        correlation_id: By which the request is found in logs and messages.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_id: UUID
    at: Moment
    caller: Line | None
    identified: Flag
    roles: list[Line]
    method: Line
    route: Line
    scope: Line
    person: UUID | None
    several: Flag
    address: Line
    status: Annotated[int, Field(ge=100, le=599)]
    correlation_id: Line


class AccessRecorded(Notice):
    """What a service was asked for, in the order in which it was put on record."""

    accesses: list[Access]


class Tracks:
    """The track of each thread. Transactions of one thread follow each other, so none ever waits for a track's row."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Begins without any.

        Args:
            clock: Unix time.
        """
        self._clock, self._own = clock, threading.local()

    def own(self) -> UUID:
        """Returns the track of the thread that asks."""
        track: UUID | None = getattr(self._own, "track", None)
        if track is None or self._own.used >= MOST_IN_A_TRACK or is_over(track, self._clock()):
            track, self._own.used = new_id(), 0
            self._own.track = track
        self._own.used += 1
        return track

    def give_up(self) -> None:
        """Has the thread begin another track: of the last one it is not known how many notices it has."""
        self._own.track = None


def is_over(track: UUID, now: float) -> bool:
    """Says whether a track is too old for another notice."""
    return now - (time_in(track) or 0.0) > TRACK_S
