"""Finds out where a log ends without keeping anybody waiting: it is looked at once a turn until that is known."""

from contextlib import suppress

from infirmary.consumer.log_broker import LogBroker, LogSubscription
from infirmary.consumer.unreadable import Unreadable

PREFETCH = 5000
"""More than a log keeps together in one piece: reading at its end begins with the whole of the last piece."""


class LogEnd:
    """The end that a log had when it was asked about.

    Attributes:
        offset: That of its last message; -1 before it is known, and where there is none.
    """

    def __init__(self, broker: LogBroker, log: str) -> None:
        """Begins to look.

        Raises:
            Unreadable: There is no such log, or it cannot be read.
        """
        self._probe: LogSubscription | None = broker.subscribe(log, PREFETCH, "last")
        self._broker, self._log, self._emptied = broker, log, broker.times_emptied
        self._seen = -1
        self.offset = -1

    def look(self) -> None:
        """Looks once a turn: when nothing has come since the last one, the end has been seen.

        Only if the socket was found empty meanwhile: a consumer that has enough to do takes nothing in.
        """
        if self._probe is None:
            return
        if self._probe.cancelled:
            self._look_again()
        elif self._probe.waiting == self._seen and self._broker.times_emptied > self._emptied:
            self.offset = -1 if self._probe.newest is None else self._probe.newest
            self.close()
        else:
            self._seen = self._probe.waiting
            self._emptied = self._broker.times_emptied

    def _look_again(self) -> None:
        """The log has gone or moved; where it has gone its reader is told."""
        with suppress(Unreadable):
            self._probe = self._broker.subscribe(self._log, PREFETCH, "last")
        self._seen, self._emptied = -1, self._broker.times_emptied

    def is_reached(self, read_to: int | None) -> bool:
        """Says whether the end is known, and is where somebody who has read up to an offset has come."""
        return self._probe is None and self.offset <= (-1 if read_to is None else read_to)

    def close(self) -> None:
        """Stops looking."""
        if self._probe is not None:
            self._probe.close()
            self._probe = None
