"""How many chunks of a log may be under way: few large ones, or many small ones. Pure."""

from typing import Final

_FEWEST, _MOST = 2, 100
_BYTES_AHEAD: Final = 1024 * 1024


class Credit:
    """The chunks that the broker may send of one log, by the size of those that came last."""

    def __init__(self, messages: int) -> None:
        """Begins with the fewest: the first chunks may be as large as they come.

        Args:
            messages: How many messages are wanted ahead.
        """
        self._wanted_messages = messages
        self._messages, self._bytes = float(messages), float(_BYTES_AHEAD)
        self._asked_for = _FEWEST

    @property
    def first(self) -> int:
        """How many chunks to ask for at the beginning."""
        return _FEWEST

    def came(self, messages: int, size: int) -> None:
        """Notes the size of a chunk that has come."""
        self._messages = (self._messages + max(messages, 1)) / 2
        self._bytes = (self._bytes + size) / 2

    def done(self, chunks: int) -> int:
        """Notes that chunks are done with; returns how many more to ask for."""
        self._asked_for -= chunks
        ahead = min(self._wanted_messages / self._messages, _BYTES_AHEAD / self._bytes)
        more = max(0, min(max(int(ahead), _FEWEST), _MOST) - self._asked_for)
        self._asked_for += more
        return more
