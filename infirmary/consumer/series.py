"""The series of a consumer's channels, shown from its start, and looked up once for each channel.

What appears only with its first event has no growth that a monitoring system could see.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from infirmary.consumer.held_now import STATES
from infirmary.consumer.unreadable import KINDS
from infirmary.declaring.published import published_by
from infirmary.handlers import Handlers
from infirmary.messages import Reply
from infirmary.observing import metrics
from infirmary.observing.staleness import STALENESS
from infirmary.transport.log_names import events_of, is_old_queue, log_to, parsed

OTHER: Final = "other"
"""In place of a type that nobody declares: a label must not hold whatever somebody chooses to send."""


class ChannelSeries:
    """What is counted of one log or part of a log.

    Attributes:
        channel: Its name.
        told: The types that nobody here handles and that were told by name.
    """

    def __init__(
        self, channel: str, handled: Iterable[str], published: Iterable[str], projection: str | None = None
    ) -> None:
        """Shows nought for all that may happen.

        Args:
            channel: Its name.
            handled: The types that the service handles.
            published: The types that are written into it.
            projection: The read model that it fills, if there is one.
        """
        self.channel, self.told = channel, set[str]()
        kinds = (*handled, OTHER)  # an event that is passed is applied by doing nothing
        self.applied = {kind: metrics.APPLIED.labels(channel, kind) for kind in kinds}
        self.parked = {kind: metrics.PARKED.labels(channel, kind) for kind in kinds}
        self.duplicates, self.early = metrics.DUPLICATES.labels(channel), metrics.WAITING.labels(channel)
        self.given_out_twice = metrics.GIVEN_OUT_TWICE.labels(channel)
        self.rolled_back = metrics.ROLLED_BACK.labels(channel)
        self.messages, self.seconds = metrics.BATCH.labels(channel), metrics.BATCH_SECONDS.labels(channel)
        self.end_to_end = metrics.END_TO_END.labels(channel)
        self.staleness = None if projection is None else STALENESS.labels(projection)
        for kind in KINDS:
            metrics.UNREADABLE.labels(channel, kind)
        self.unhandled = {kind: metrics.UNHANDLED.labels(channel, kind) for kind in {*published} - {*handled}}
        for counter in (metrics.STARTED_OVER, metrics.EXPIRED):
            counter.labels(channel)
        metrics.LOST.labels(channel)
        show_nothing_of(channel)


class ConsumerSeries:
    """The series of all channels of one process, which outlive its sessions."""

    def __init__(self, handlers: Handlers, asked: Collection[str] = ()) -> None:
        """Shows nought for all that may happen to the messages of a service.

        Args:
            handlers: What it handles.
            asked: The participants of its own sagas, who reply.
        """
        self._channels: dict[str, ChannelSeries] = {}
        self._handled, self._projection = _handled(handlers, asked), handlers.projection
        if handlers.projection is not None:
            metrics.REBUILT.labels(handlers.projection)
        for log in self._handled:
            self.of(log)

    def of(self, channel: str) -> ChannelSeries:
        """Returns a channel's series; of a part of a log they begin when the part is found."""
        found = self._channels.get(channel)
        if found is None:
            found = self._channels[channel] = self._of_new(channel)
        return found

    @contextmanager
    def timed(self, channel: str, messages: int) -> Iterator[None]:
        """Counts a batch and the time that it takes, once it is committed."""
        series, began = self.of(channel), time.perf_counter()
        yield
        series.seconds.observe(time.perf_counter() - began)
        series.messages.observe(messages)

    def _of_new(self, channel: str) -> ChannelSeries:
        if is_old_queue(channel):
            return ChannelSeries(channel, (), ())
        name = parsed(channel)
        published = () if name.of_commands else (*published_by(name.writer), OTHER)
        fills = None if name.of_commands else self._projection
        return ChannelSeries(channel, self._handled.get(name.log, ()), published, fills)


def _handled(handlers: Handlers, asked: Collection[str]) -> dict[str, frozenset[str]]:
    """Returns the types that are handled, by log."""
    found = {
        events_of(source): frozenset(kind for of, kind in handlers.events if of == source)
        for source, _ in handlers.events
    }
    for peer in handlers.commanded_by() | handlers.noticed_by | set(asked):
        commands = {name for name, (kind, _) in handlers.commands.items() if kind.contract.peer == peer}
        replies = {Reply.__name__} if peer in asked else set()
        notices = set(handlers.notices) if peer in handlers.noticed_by else set()
        found[log_to(peer, handlers.service)] = frozenset(commands | replies | notices)
    return found


def show_nothing_of(channel: str) -> None:
    """Takes back what was shown of a channel that this process does not look after any more: others show it now."""
    for state in STATES:
        metrics.HELD.labels(channel, state).set(0)
        metrics.HELD_OLDEST.labels(channel, state).set(0)
    for gauge in (metrics.MISSING, metrics.STALLED_SINCE, metrics.POSITION, metrics.LAG, metrics.CAUGHT_UP):
        gauge.labels(channel).set(0)
    metrics.READER_ACTIVE.labels(channel).set(0)
