"""Deliveries of one log as the stream protocol brings them: in chunks, each for a credit that was given."""

import logging
from collections import deque
from itertools import islice
from typing import Final

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.streams.credit import Credit
from infirmary.consumer.streams.node import Lease
from infirmary.consumer.unreadable import Unreadable
from infirmary_streams import chunks
from infirmary_streams.errors import NonsenseError
from infirmary_streams.shape_of import shape_of
from infirmary_streams.shapes import Shapes

_logger = logging.getLogger(__name__)

UNDECODABLE: Final = "undecodable"
"""The property that says why a message could not be read; all of it is the body then."""


class StreamSubscription:
    """What has come of a log and was not taken, and of what was taken the chunks that are not done with.

    Attributes:
        cancelled: Whether the broker has ended it: the log is gone, or has moved.
        newest: The greatest offset that has come.
        held_bytes: The size of the messages that wait here.
        lease: Its place at a node.
    """

    def __init__(self, log: str, begin: int, messages: int) -> None:
        """Prepares it.

        Args:
            log: The log.
            begin: Its first offset of interest: a chunk may begin before it.
            messages: About how many are wanted ahead.
        """
        self.log, self._begin = log, begin
        self.lease: Lease | None = None
        self._credit = Credit(messages)
        self._shapes = Shapes(shape_of)
        self._messages: deque[tuple[int, bytes]] = deque()
        self._unreadable: dict[int, str] = {}
        self._chunk_ends: deque[int] = deque()
        self._failed: Unreadable | None = None
        self.cancelled = False
        self.newest: int | None = None
        self.held_bytes = 0

    @property
    def first_credit(self) -> int:
        """How many chunks to ask for at the beginning."""
        return self._credit.first

    @property
    def waiting(self) -> int:
        """How many messages have come and were not taken."""
        return len(self._messages)

    def receive(self, payload: bytes) -> None:
        """Takes a chunk in."""
        try:
            _, chunk = chunks.delivered(payload)
        except chunks.UnreadableChunkError as odd:
            self._cannot_read(odd, payload)
            return
        except NonsenseError as odd:
            self._failed = Unreadable("failing", f"the broker sent no chunk of {self.log}: {odd}")
            return
        if chunk is None:
            self._done(1)
        else:
            self._add(chunk.first_offset, chunk.messages)

    def take(self, at_most: int) -> list[Delivery]:
        """Returns the next deliveries, without waiting for more.

        Raises:
            Unreadable: What came next are no chunks.
        """
        if self._failed is not None and not self._messages:
            raise self._failed
        taken = list(islice(self._messages, at_most))
        for _ in taken:
            self.held_bytes -= len(self._messages.popleft()[1])
        return [self._delivery(offset, message) for offset, message in taken]

    def acknowledge(self, last: Delivery) -> None:
        """Gives credit for the chunks that are done with when everything up to a delivery is."""
        done = 0
        while self._chunk_ends and self._chunk_ends[0] <= (last.offset or 0):
            self._chunk_ends.popleft()
            done += 1
        if done:
            self._done(done)

    def close(self) -> None:
        """Stops reading."""
        self._messages.clear()
        self.held_bytes = 0
        _end(self)

    def _add(self, first_offset: int, messages: list[bytes]) -> None:
        fresh = messages[max(0, self._begin - first_offset) :]
        end = first_offset + len(messages)
        self._credit.came(len(messages), sum(map(len, messages)))
        if not fresh:
            self._done(1)
            return
        self._messages.extend(zip(range(end - len(fresh), end), fresh, strict=True))
        self.held_bytes += sum(map(len, fresh))
        self._chunk_ends.append(end - 1)
        self.newest = end - 1

    def _cannot_read(self, odd: chunks.UnreadableChunkError, payload: bytes) -> None:
        """Lets a chunk whose messages are lost be parked, all of it as one message, in the place of its last one."""
        last = odd.extent.first_offset + odd.extent.messages - 1
        _logger.error("%s: %s", self.log, odd)
        if odd.extent.messages and last >= self._begin:
            self._unreadable[last] = str(odd)
            self._add(last, [payload[1:]])
        else:
            self._done(1)

    def _done(self, count: int) -> None:
        more = self._credit.done(count)
        if more and self.lease is not None:
            self.lease.give_credit(more)

    def _delivery(self, offset: int, message: bytes) -> Delivery:
        why = self._unreadable.pop(offset, None) if self._unreadable else None
        if why is None:
            try:
                return Delivery(*self._shapes.received(message), tag=0, offset=offset)
            except NonsenseError as odd:
                why = str(odd)
        return Delivery({UNDECODABLE: why}, message, tag=0, offset=offset)


class EndProbe:
    """A look at a log's last chunk, of which only the place is read.

    Attributes:
        cancelled: Whether the broker has ended it.
        waiting: How many messages it has.
        newest: The offset of its last message.
        lease: Its place at a node.
    """

    first_credit = 1
    held_bytes = 0

    def __init__(self, log: str) -> None:
        self.log = log
        self.lease: Lease | None = None
        self.cancelled = False
        self.waiting = 0
        self.newest: int | None = None

    def receive(self, payload: bytes) -> None:
        """Takes a chunk in."""
        try:
            where = chunks.extent(payload)
        except NonsenseError:
            return  # its reader will be told
        if where is not None:
            self.waiting, self.newest = where.messages, where.first_offset + where.messages - 1

    def take(self, at_most: int) -> list[Delivery]:  # noqa: ARG002
        """Returns nothing: this is no reader."""
        return []

    def acknowledge(self, last: Delivery) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Stops looking."""
        _end(self)


def _end(subscription: StreamSubscription | EndProbe) -> None:
    if subscription.lease is not None:
        subscription.lease.end()
    subscription.lease = None
