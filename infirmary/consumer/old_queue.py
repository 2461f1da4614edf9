"""Drains the inbox queue of the release before; it is read to its end before the logs of commands are.

Until then commands and replies travelled in queues. A sender that is still of that release goes on to write there, so
the queue is read for as long as it exists.
"""

import logging
import time
from dataclasses import dataclass

from infirmary.consumer.applying import Applier
from infirmary.consumer.broker import Broker
from infirmary.consumer.position import Position
from infirmary.consumer.subscription import Subscription
from infirmary.consumer.unreadable import Unreadable
from infirmary.transport.log_names import old_queue_of

_logger = logging.getLogger(__name__)

PREFETCH = 300
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was in a queue when it was looked into. Pure.

    Attributes:
        received: How many messages had come to this reader until then.
        left: How many more the broker counted.
    """

    received: int
    left: int

    def end(self, received: int) -> int:
        """Returns how many must have been applied so that none of it is left.

        What the broker had sent ahead was counted by nobody. It is no more than the prefetch, and has come since: the
        broker's answer to the second look is behind it on the same connection.

        Args:
            received: How many messages have come to this reader until now, when it has looked again.
        """
        return self.received + self.left + min(received - self.received, PREFETCH)


class OldQueue:
    """The queue of one service, if there is one.

    Attributes:
        name: Its name.
        is_drained: Whether what was in it has been applied.
    """

    def __init__(
        self, service: str, applier: Applier, broker: Broker, batch_messages: int, *, passed_over: bool = False
    ) -> None:
        """Looks for it, unless it is passed over: then another process reads it."""
        self.name = old_queue_of(service)
        self._applier, self._broker, self._batch_messages = applier, broker, batch_messages
        self._subscription: Subscription | None = None
        self._look_at = 0.0
        self._empty_since: int | None = None
        self._applied = 0
        self._backlog: Backlog | None = None
        self._enough: int | None = None
        """When so many have been applied, nothing of the backlog is left."""
        self.is_drained = passed_over or not broker.exists(self.name)
        if not self.is_drained:
            self._subscribe()

    @property
    def waiting(self) -> int:
        """How many messages have come and are not applied yet."""
        return 0 if self._subscription is None else self._subscription.waiting

    def work(self) -> bool:
        """Applies what has come, one batch. Returns whether there was something."""
        if self._subscription is None:
            return False
        deliveries = self._subscription.take(self._batch_messages)
        if deliveries:
            self._empty_since = None
            self._applier.apply(self.name, deliveries, Position())
            self._applied += len(deliveries)
            self._subscription.acknowledge(deliveries[-1])
        elif self._subscription.cancelled:
            self._end("it was deleted")
        return bool(deliveries)

    def retry_held(self, at_most: int, until: float) -> int:
        """Tries what is parked and due. Returns how many need nothing more."""
        return self._applier.retry(self.name, Position(), at_most, until)

    def tend(self) -> None:
        """Looks now and then whether it has been read to its end, or as far as that was when it was first looked into.

        What the broker has sent ahead is no longer counted there, so that nothing must come after the count either. A
        sender of the release before may go on for long to write a message now and then: the logs do not wait for those.
        """
        if self.is_drained or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_EVERY_S
        left = self._broker.messages_in(self.name) or 0
        if left or self.waiting:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = self._broker.times_emptied
        elif self._broker.times_emptied > self._empty_since:
            self._note_drained()
        if not self.is_drained and self._has_come_through(left):
            self._note_drained()

    def _has_come_through(self, left: int) -> bool:
        """Notes at its first look what is in the queue, and finds out at the second where that ends."""
        received = self._applied + self.waiting
        if self._backlog is None:
            if received:  # before that another reader may have what is in it
                self._backlog = Backlog(received, left)
            return False
        if self._enough is None:
            self._enough = self._backlog.end(received)
        return self._applied >= self._enough

    def _note_drained(self) -> None:
        self.is_drained = True
        _logger.info("%s is drained; commands and replies are read from logs from now on", self.name)

    def _subscribe(self) -> None:
        try:
            self._subscription = self._broker.subscribe(self.name, PREFETCH)
        except Unreadable as odd:
            self._end(str(odd))

    def _end(self, why: str) -> None:
        _logger.warning("%s is not read any more: %s", self.name, why)
        if self._subscription is not None:
            self._subscription.close()
        self._subscription, self.is_drained = None, True
