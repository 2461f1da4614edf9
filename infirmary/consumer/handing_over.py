"""When a reader leaves its log to another process of the service, which may know what this one does not. Pure.

While two releases run side by side, only one of them may know how to apply some messages. Nobody can tell which process
that is, so a reader that holds some gives the others a chance, more and more rarely if none of them takes it.
"""

from typing import Final

from infirmary.consumer.backoff import pause_s

AWAY_S: Final = 3.0
"""For so long a log is left alone: others look for one to read once a second."""

FIRST_AGAIN_S, LAST_AGAIN_S = 10.0, 300.0
"""How soon a log is left again that nobody took: after the first, twice as long each time, up to the second."""


class HandingOver:
    """Decides from turn to turn whether one log is left to others."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._left_at: int | None = None
        self._away_until = self._not_before = 0.0

    def is_left(self, owned: bool, holds_some: bool, last_offset: int | None, now: float) -> bool:
        """Says whether the log is left to others in this turn.

        Args:
            owned: Whether this process reads it.
            holds_some: Whether it holds messages that only another release can apply.
            last_offset: How far the log was read, by whomever.
            now: Seconds.
        """
        if now < self._away_until:
            return True
        if not owned and last_offset != self._left_at:  # another has read on: it was not left in vain
            self._in_vain = 0
        if not (owned and holds_some and now >= self._not_before):
            return False
        self._in_vain, self._left_at = self._in_vain + 1, last_offset
        self._away_until = now + AWAY_S
        self._not_before = self._away_until + pause_s(self._in_vain, FIRST_AGAIN_S, LAST_AGAIN_S)
        return True
