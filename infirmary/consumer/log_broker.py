"""What the consumer needs of a broker to read logs, whichever protocol is spoken with it."""

from collections.abc import Sequence
from typing import Protocol

from infirmary.consumer.delivery import Delivery


class LogSubscription(Protocol):
    """Deliveries of one log that are not acknowledged yet."""

    @property
    def waiting(self) -> int:
        """How many have come and were not taken."""
        ...

    @property
    def newest(self) -> int | None:
        """The greatest offset that has come; None before the first."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the broker has ended it: the log is gone, or has moved."""
        ...

    def take(self, at_most: int) -> list[Delivery]:
        """Returns the next deliveries, without waiting for more.

        Raises:
            Unreadable: They are not those of a log, or cannot be read.
        """
        ...

    def acknowledge(self, last: Delivery) -> None:
        """Lets the broker send more: everything up to and including a delivery is done with."""
        ...

    def close(self) -> None:
        """Stops reading."""
        ...


class LogBroker(Protocol):
    """A connection to the broker, or to several of its nodes; every method may raise one of BROKER_ERRORS."""

    @property
    def times_emptied(self) -> int:
        """How often everything that had come was taken in."""
        ...

    def subscribe(self, log: str, messages: int, offset: int | str) -> LogSubscription:
        """Starts reading.

        Args:
            log: Its name.
            messages: About how many are to come ahead.
            offset: The first one's, or `first` for the first that there is. To be asked for `newest` only: `last` to
                see where the log ends for whoever reads it here, `end` to see where it ends for its writer, which is
                far behind that when this is a replica that lags. By AMQP 0-9-1 the broker chooses, and both are alike.

        Raises:
            Unreadable: There is no such log, or it may not or cannot be read.
        """
        ...

    @property
    def asks_freely(self) -> bool:
        """Whether it costs the broker nothing to be asked for logs that are not there."""
        ...

    def existing(self, logs: Sequence[str]) -> list[str]:
        """Returns those of these logs that there are."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Takes in what the broker sends next; returns whether something came in time."""
        ...

    def take_in(self, at_most: int) -> None:
        """Takes in what the broker has sent already, without waiting, up to about so many messages."""
        ...

    def heartbeat(self) -> None:
        """Tells the broker that this process lives, and finds out whether the broker does."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...
