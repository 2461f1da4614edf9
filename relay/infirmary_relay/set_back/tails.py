"""What the relay asks of whoever reads the ends of logs, by either protocol."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from infirmary_relay.set_back.told import Told


class Unreadable(str):
    """Why the end of a log cannot be read now."""

    __slots__ = ()


class Tails(Protocol):
    """Reads the ends of logs on connections of its own."""

    def read(self, logs: Sequence[str], messages: int) -> Iterator[tuple[str, list[Told] | Unreadable]]:
        """Gives of each log its last messages, or why they cannot be read; none of a log that does not exist.

        Args:
            logs: Their names, or those of their parts.
            messages: About how many of each.

        Raises:
            BrokerLostError: The broker cannot be reached.
        """
