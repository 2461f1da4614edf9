"""Publishes batches to logs by the stream protocol, and says what became of each message.

It is confirmed, refused, or it counts as returned: its log is not there, or not to be written now. What is confirmed is
in a log, and in nothing else: a publisher belongs to one log, and ends with it.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence

from infirmary_relay.broker.errors import BrokerLostError, PublishingRefusedError
from infirmary_relay.broker.publisher import CONFIRM_TIMEOUT_S, Waiting
from infirmary_relay.confirms import Confirms
from infirmary_relay.message import Row
from infirmary_relay.streams.encoder import Encoder, Entries
from infirmary_relay.streams.leaders import Leaders
from infirmary_relay.streams.overdue import Overdue
from infirmary_relay.window import ImpossibleReceiptError, Window
from infirmary_streams import codes, commands, publishing
from infirmary_streams.commands import Endpoint
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import BrokerClosedError, NonsenseError, StreamLostError
from infirmary_streams.link import Link

_NO_CONFIRM = f"no confirm came for {CONFIRM_TIMEOUT_S:.0f} s"
_MOST_PUBLISHERS = 256
"""Of one connection: their ids are a byte, and one that was given out is not given out again."""
_FIRST_PUBLISHER = 1
"""The connection has declared logs, and asked by the id 0 whether it may publish: that publisher may still be there."""
_FIRST_REQUEST = 1 << 31
"""Beyond the requests of that time: one that was given up may still be answered."""
_IS_AWAY = frozenset({codes.NO_SUCH_STREAM, codes.STREAM_NOT_AVAILABLE, codes.NO_SUCH_PUBLISHER})
_OVER_A_MESSAGE = frozenset({codes.FRAME_TOO_LARGE, codes.UNKNOWN_FRAME, codes.INTERNAL_ERROR})


class _Node:
    """A connection to a node, with the publishers of the logs whose leader it is."""

    def __init__(self, opened: Conversation, endpoint: Endpoint | None) -> None:
        self.link = Link(opened)
        self.endpoint = endpoint
        self.targets: dict[int, str] = {}
        self.asked: dict[int, int] = {}
        """The publishers of which the broker has not said yet whether they may be, by the request's id."""
        self.ids = itertools.count(_FIRST_REQUEST)
        self.next_id = _FIRST_PUBLISHER

    @property
    def is_full(self) -> bool:
        """Whether it has given out all ids of publishers."""
        return self.next_id == _MOST_PUBLISHERS


class StreamPublisher:
    """The connections to all leaders; when one of them ends the publisher has ended, with all that was in flight."""

    blocked: str | None = None
    """The protocol has no word for a broker that takes nothing: it only stops reading, and the relay is stalled."""

    def __init__(
        self, leaders: Leaders, opened: Conversation, sub_entry_messages: int = 1, *, service: str | None = None
    ) -> None:
        """Takes a connection that is open.

        Args:
            leaders: where the leaders of logs are.
            opened: the connection.
            sub_entry_messages: how many messages go into one sub-entry; 1 for none.
            service: the only source that messages may name; None lets every source pass.
        """
        self._leaders = leaders
        self._nodes = [_Node(opened, opened.advertised)]
        leaders.connected_to(opened.advertised)
        self._encoder = Encoder(opened.frame_max, sub_entry_messages, service)
        self._together: dict[int, list[int]] = {}
        """The messages that are confirmed with the first of their sub-entry."""
        self._confirms = Confirms()
        self._overdue = Overdue(self._confirms, CONFIRM_TIMEOUT_S)
        self._heard_at = time.monotonic()
        """When the broker said something last, other than that it lives."""
        self._publishers: dict[str, tuple[_Node, int]] = {}
        self.known_targets: set[str] = set()
        """Logs of which it was made sure, since this connection was opened, that they are there."""

    @property
    def waiting(self) -> Waiting:
        """The descriptors to wait on."""
        links = [node.link for node in self._nodes]
        return Waiting([link.fileno() for link in links], [link.fileno() for link in links if link.has_unwritten])

    def has_room(self, windows: int) -> bool:
        """Whether another batch may be published with at most so many in flight."""
        confirms = self._confirms
        return len(confirms) < windows and not (
            any(node.link.has_unwritten for node in self._nodes) or confirms.tainted
        )

    def in_flight(self) -> list[Row]:
        """The messages of which the broker has not said what became of them, oldest first."""
        return self._confirms.rows()

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        """Publishes a batch without waiting; all rows go to logs.

        Gives those that are unfit for the wire, and why; None for what only stands behind one of its subject.

        Raises:
            BrokerLostError: A connection is gone.
        """
        try:
            encoded = self._encoder.encode(rows, self._confirms.next_number)
            if self._take_smaller_frames(encoded.entries):
                encoded = self._encoder.encode(rows, self._confirms.next_number)
            if encoded.rows:
                self._confirms.publish(encoded.rows).published_at = time.monotonic()
                self._together |= encoded.together
                self._write(encoded.entries)
        except StreamLostError as lost:
            raise BrokerLostError(str(lost)) from lost
        return encoded.unfit

    def settled(self, _may_end: Callable[[Window], bool] | None = None) -> list[Window]:
        """Reads what the broker has said, without waiting, and gives the windows of which all is known.

        Raises:
            PublishingRefusedError: The broker closed a connection over something that was published.
            BrokerLostError: A connection is gone, or silent for too long.
        """
        now = time.monotonic()
        try:
            for node in self._nodes:
                for key, payload in node.link.frames():
                    self._heard_at = now
                    self._read(node, key, payload)
        except BrokerClosedError as closed:
            ending = PublishingRefusedError if closed.code in _OVER_A_MESSAGE else BrokerLostError
            raise ending(str(closed)) from closed
        except (StreamLostError, NonsenseError, ImpossibleReceiptError) as lost:
            raise BrokerLostError(str(lost)) from lost
        overdue = self._overdue.targets(now)
        if overdue and now - self._heard_at > CONFIRM_TIMEOUT_S:
            raise BrokerLostError(_NO_CONFIRM)
        for target in overdue:
            self._end_publisher(self._publishers[target][0], target, _NO_CONFIRM)
        done = self._confirms.settled()
        if not self._confirms:
            self._together.clear()
        for window in done:
            window.settled_at = now
        return done

    def close(self) -> None:
        """Drops the connections; what is in flight stays in the outbox."""
        for node in self._nodes:
            node.link.close()
        self._leaders.forget()

    def _take_smaller_frames(self, targets: Iterable[str]) -> bool:
        """Connects to the leaders of these logs; True when the frames of one of them are smaller than was known.

        To learn it only when the messages are written would be too late for one that is larger than that: the broker
        would close the connection over it, again and again, until it is found among all that were in flight.
        """
        before = self._encoder.frame_max
        for target in targets:
            if target not in self._publishers:
                self._node(self._leaders.of(target))
        return self._encoder.frame_max < before

    def _write(self, entries: dict[str, Entries]) -> None:
        frames: dict[_Node, list[bytes]] = {}
        for target, published in entries.items():
            node, publisher_id, declaring = self._publisher(target)
            written = frames.setdefault(node, [])
            written += declaring
            written.extend(self._encoder.frames(publisher_id, published))
        for node, written in frames.items():
            node.link.write(b"".join(written))

    def _publisher(self, target: str) -> tuple[_Node, int, list[bytes]]:
        """The publisher of a log, and the frame that declares it: what is published may follow at once."""
        known = self._publishers.get(target)
        if known is not None:
            return *known, []
        node = self._node(self._leaders.of(target))
        publisher_id, node.next_id = node.next_id, node.next_id + 1
        node.targets[publisher_id] = target
        correlation_id = next(node.ids)
        node.asked[correlation_id] = publisher_id
        self._publishers[target] = node, publisher_id
        return node, publisher_id, [commands.declare_publisher(correlation_id, publisher_id, target)]

    def _node(self, leader: Endpoint | None) -> _Node:
        for node in [each for each in self._nodes if each.is_full and not each.targets]:
            self._nodes.remove(node)
            node.link.close()
        for node in self._nodes:
            if node.endpoint in (leader, None) and not node.is_full:
                return node
        if leader is None:
            raise StreamLostError("a connection has given out all ids of publishers")
        opened = self._leaders.connect(leader)
        self._encoder.limit(opened.frame_max)
        self._nodes.append(node := _Node(opened, leader))
        return node

    def _read(self, node: _Node, key: int, payload: bytes) -> None:
        if key == codes.PUBLISH_CONFIRM:
            publisher_id, ids = publishing.confirmed(payload)
            if publisher_id in node.targets:
                for first, last in publishing.runs(self._all_of(ids)):
                    self._confirms.run_confirmed(first, last)
        elif key == codes.PUBLISH_ERROR:
            self._failed(node, *publishing.failed(payload))
        elif key == codes.METADATA_UPDATE:
            code, target = commands.metadata_update(payload)
            self._end_publisher(node, target, f"the broker says of its log: {codes.name_of(code)}")
        elif key == codes.DECLARE_PUBLISHER | codes.RESPONSE:
            answer = commands.answer(payload)
            target = node.targets.get(node.asked.pop(answer.correlation_id, -1), "")
            if answer.code != codes.OK:
                self._end_publisher(node, target, f"it cannot be written: {codes.name_of(answer.code)}")

    def _failed(self, node: _Node, publisher_id: int, failures: Sequence[publishing.PublishFailed]) -> None:
        target = node.targets.get(publisher_id)
        for publishing_id, code in failures if target is not None else ():
            if code in _IS_AWAY:
                self._end_publisher(node, target or "", codes.name_of(code))
                return
            for first, last in publishing.runs(self._all_of([publishing_id])):
                self._confirms.run_refused(first, last)

    def _all_of(self, ids: Sequence[int]) -> Sequence[int]:
        """The messages that ids stand for."""
        if not self._together:
            return ids
        return [number for each in ids for number in self._together.pop(each, [each])]

    def _end_publisher(self, node: _Node, target: str, reason: str) -> None:
        """Counts what goes to a log as returned; what the broker still says of its publisher is passed over."""
        known = self._publishers.get(target)
        if known is not None and known[0] is node:
            del self._publishers[target]
            self.known_targets.discard(target)
            del node.targets[known[1]]
            self._confirms.unreachable(target, reason)
