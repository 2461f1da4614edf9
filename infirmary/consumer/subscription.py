"""Deliveries of one queue or log, as py-amqp hands them over."""

from collections import deque
from typing import Any

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.py_amqp import OFFSET_HEADER, properties_of
from infirmary.consumer.unreadable import Unreadable


class Subscription:
    """Deliveries of one queue or log that are not acknowledged yet.

    Attributes:
        cancelled: Whether the broker has ended it: the queue or log is gone, or has moved.
    """

    def __init__(self, channel: Any, queue: str, prefetch: int, offset: int | str | None) -> None:
        """Starts consuming.

        Args:
            channel: A channel of its own.
            queue: The queue's or log's name.
            prefetch: How many unacknowledged deliveries the broker sends ahead.
            offset: Where to start in a log (`first`, a number, `last` or `end`, see LogBroker); None for a queue.

        Raises:
            amqp.ChannelError: The broker does not let it be read.
        """
        self._channel, self._queue, self._is_log = channel, queue, offset is not None
        self._deliveries: deque[Delivery] = deque()
        self.cancelled = False
        channel.auto_decode = False
        channel.basic_qos(0, prefetch, False)
        arguments = {} if offset is None else {OFFSET_HEADER: "last" if offset == "end" else offset}
        self._consumer = channel.basic_consume(
            queue, callback=self._deliver, arguments=arguments, on_cancel=self._on_cancel
        )

    @property
    def waiting(self) -> int:
        """How many have come and were not taken."""
        return len(self._deliveries)

    @property
    def newest(self) -> int | None:
        """The greatest offset of those that wait; None where none does."""
        return max((delivery.offset or 0 for delivery in self._deliveries), default=None)

    def take(self, at_most: int) -> list[Delivery]:
        """Returns the next deliveries, without waiting for more.

        Raises:
            Unreadable: Under a log's name there is a queue. What it has delivered goes back to it when the subscription
                is closed.
        """
        taken = [self._deliveries.popleft() for _ in range(min(at_most, len(self._deliveries)))]
        if self._is_log and taken and taken[0].offset is None:
            raise Unreadable(
                "wrong_kind", f"{self._queue} is a queue and no log; delete it, its owner declares it anew"
            )
        return taken

    def acknowledge(self, last: Delivery) -> None:
        """Acknowledges everything up to and including a delivery."""
        self._channel.basic_ack(last.tag, multiple=True)

    def close(self) -> None:
        """Stops reading; what was not acknowledged stays in its place."""
        if not self.cancelled:
            self._channel.basic_cancel(self._consumer)  # py-amqp complains of each delivery to a channel that it closes
        self._channel.close()

    def _on_cancel(self, _consumer: str) -> None:
        self.cancelled = True

    def _deliver(self, message: Any) -> None:
        properties = properties_of(message)
        headers = properties.get("application_headers") or {}
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        offset = headers.get(OFFSET_HEADER) if self._is_log else None  # in a queue, only a sender can have written one
        self._deliveries.append(Delivery(properties, body, message.delivery_tag, offset))
