"""Finds the poison message, over which the broker ends the connection: pure.

The broker does not say which one it was. When it happens twice over the same messages, each of them is published alone,
and the one in flight when it happens again is the poison message.
"""

from collections.abc import Sequence

from infirmary_relay.message import KEY, Key, Row


class PoisonSearch:
    """Remembers what was in flight when the broker last closed the channel."""

    def __init__(self) -> None:
        self._suspects: frozenset[Key] = frozenset()
        self._to_try = 0

    @property
    def one_by_one(self) -> bool:
        """Whether only one message may be in flight."""
        return self._to_try > 0

    def closed(self, in_flight: Sequence[Row]) -> Row | None:
        """Notes that the broker closed the channel; gives the poison message once it is known."""
        if self._to_try and len(in_flight) == 1:
            self._suspects, self._to_try = frozenset(), 0
            return in_flight[0]
        keys = frozenset(row[KEY] for row in in_flight)
        if self._suspects & keys:
            self._to_try = len(keys | self._suspects)
        self._suspects = keys
        return None

    def settled(self, messages: int) -> None:
        """Notes that so many messages got through, or at least were answered."""
        self._suspects = self._suspects if self._to_try else frozenset()
        self._to_try = max(0, self._to_try - messages)

    def try_alone(self) -> None:
        """Asks that the next message be published alone: it was a poison message before."""
        self._to_try = max(self._to_try, 1)
