"""Reads logs by the stream protocol: finds the node that has a log, and holds a connection to each that is needed."""

import logging
import selectors
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

from infirmary.consumer.broker import BROKER_ERRORS, Broker
from infirmary.consumer.streams.node import Node
from infirmary.consumer.streams.subscription import EndProbe, StreamSubscription
from infirmary.consumer.unreadable import Kind, Unreadable
from infirmary_streams import chunks, codes
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint, Placement
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import WHAT_TO_LOOK_AT, RefusedError, StreamLostError

_logger = logging.getLogger(__name__)

CONNECT_WITHIN_S: Final = 5.0
MOST_HELD_BYTES: Final = 16 * 1024 * 1024
"""With so much in memory nothing more is read from the sockets: the broker waits until some of it has been applied."""

TRIES_BEHIND_A_BALANCER: Final = 10
AVOIDED_FOR_S: Final = 60.0
"""For so long a node is not looked for again where it says that it is, when nobody was there."""

LOOKS_BEFORE_ASKING: Final = 3
"""What is missing so often in a row may be a queue; by the stream protocol there is none."""

_KINDS: Final[dict[int, Kind]] = {
    codes.NO_SUCH_STREAM: "missing",
    codes.ACCESS_REFUSED: "refused",
}


class StreamBroker:
    """Connections to as many nodes of a broker as have the logs that are read.

    Attributes:
        times_emptied: How often everything that had come was taken in.
        asks_freely: Whether it costs the broker nothing to be asked for logs that are not there.
    """

    asks_freely: Final = True

    def __init__(self, address: StreamAddress, name: str, by_amqp: Callable[[], Broker]) -> None:
        """Connects.

        Args:
            address: Of any node, or of what stands before them.
            name: What the broker should show.
            by_amqp: Connects by AMQP 0-9-1, to ask what the stream protocol does not tell.

        Raises:
            StreamLostError: The broker does not answer or refuses.
        """
        self._address, self._name, self._by_amqp = address, name, by_amqp
        self._selector = selectors.DefaultSelector()
        self._nodes: list[Node] = []
        self._avoided: dict[Endpoint, float] = {}
        self._missing: Counter[str] = Counter()
        self.times_emptied = 0
        try:
            self._home = self._keep(self._connect(address))
        except StreamLostError as lost:
            self._selector.close()
            raise StreamLostError(f"{lost}. {WHAT_TO_LOOK_AT}") from lost

    def subscribe(self, log: str, messages: int, offset: int | str) -> StreamSubscription | EndProbe:
        """Starts reading, at a node that has the log.

        Raises:
            Unreadable: There is no such log, or it may not or cannot be read.
            StreamLostError: The connection by which logs are found is gone.
        """
        placement = self._home.placements([log])[log]
        if placement.code == codes.NO_SUCH_STREAM:
            raise self._is_missing(log)
        node = self._node_of(log, _where(placement, offset), codes.name_of(placement.code))
        subscription, begin = _begun(log, messages, offset)
        try:
            node.subscribe(subscription, begin)
            if isinstance(subscription, EndProbe):
                node.placements([log])  # whose answer comes behind the last chunk, if there is one
        except RefusedError as refused:
            kind = _KINDS.get(refused.code, "failing")
            raise self._is_missing(log) if kind == "missing" else Unreadable(kind, str(refused)) from refused
        except StreamLostError as lost:
            self._lose(node, lost)
            raise Unreadable("failing", str(lost)) from lost
        self._missing.pop(log, None)
        return subscription

    def existing(self, logs: Sequence[str]) -> list[str]:
        """Returns those of these logs that there are; one question for all of them."""
        placements = self._home.placements(logs)
        return [log for log in logs if placements[log].code != codes.NO_SUCH_STREAM]

    def wait(self, timeout_s: float) -> bool:
        """Takes in what the broker sends next; returns whether something came in time."""
        ready = [key.fileobj for key, _ in self._selector.select(timeout_s)]
        if not ready:
            self.times_emptied += 1
            return False
        self._take_in([node for node in self._nodes if node in ready])
        return True

    def take_in(self, at_most: int) -> None:  # noqa: ARG002
        """Takes in what the broker has sent already, without waiting: more than it has credit for cannot come."""
        while sum(node.held_bytes for node in self._nodes) < MOST_HELD_BYTES:
            if not self.wait(0):
                return

    def heartbeat(self) -> None:
        """Tells the nodes that this process lives, and finds out whether they do.

        Raises:
            StreamLostError: The one by which logs are found does not.
        """
        self._take_in(list(self._nodes))
        for node in [each for each in self._nodes if each.is_idle and each is not self._home]:
            self._drop(node)

    def close(self) -> None:
        """Closes all connections."""
        for node in self._nodes:
            node.close()
        self._selector.close()

    def _take_in(self, nodes: list[Node]) -> None:
        for node in nodes:
            try:
                node.take_in()
            except StreamLostError as lost:
                self._lose(node, lost)

    def _node_of(self, log: str, wanted: list[Endpoint], why_none: str) -> Node:
        """Returns one of the nodes: one that is connected already, or where it says that it is, or by chance.

        Raises:
            Unreadable: None can be reached, or there is none.
        """
        if not wanted:
            raise Unreadable("failing", f"{log}: {why_none}, no node has it now")
        for node in self._nodes:
            if node.has_room and node.advertised in wanted:
                return node
        now = time.monotonic()
        addresses = [self._address.at(each) for each in wanted if self._avoided.get(each, now) <= now]
        told = "nobody was tried"
        for address in [*addresses, *[self._address] * TRIES_BEHIND_A_BALANCER]:
            try:
                node = self._connect(address)
            except StreamLostError as lost:
                told = str(lost)
                self._avoided[address.endpoint] = now + AVOIDED_FOR_S
                continue
            if node.advertised in wanted:
                return self._keep(node)
            told = f"{address.endpoint} is {node.advertised}"
            node.close()
        raise Unreadable("failing", f"{log} is at {', '.join(map(str, wanted))}, which cannot be reached: {told}")

    def _connect(self, address: StreamAddress) -> Node:
        return Node(Conversation(address, name=self._name, timeout_s=CONNECT_WITHIN_S))

    def _keep(self, node: Node) -> Node:
        self._nodes.append(node)
        self._selector.register(node, selectors.EVENT_READ)
        return node

    def _lose(self, node: Node, lost: StreamLostError) -> None:
        """Lets the logs of a node be read elsewhere.

        Raises:
            StreamLostError: It was the one by which logs are found.
        """
        if node is self._home:
            raise lost
        _logger.warning("%s is not read from any more: %s", node.advertised, lost)
        self._drop(node)

    def _drop(self, node: Node) -> None:
        self._nodes.remove(node)
        self._selector.unregister(node)
        node.cancel_all()
        node.close()

    def _is_missing(self, log: str) -> Unreadable:
        self._missing[log] += 1
        if self._missing[log] >= LOOKS_BEFORE_ASKING and self._is_queue(log):
            return Unreadable("wrong_kind", f"{log} is a queue and no log; delete it, its owner declares it anew")
        return Unreadable("missing", f"{log}: {codes.name_of(codes.NO_SUCH_STREAM)}")

    def _is_queue(self, name: str) -> bool:
        try:
            with closing(self._by_amqp()) as broker:
                return broker.exists(name)
        except BROKER_ERRORS:  # this may be a broker, or a user, for streams only
            return False


def _where(placement: Placement, offset: int | str) -> list[Endpoint]:
    """The nodes at which a log may be read from a place: from any by all who have it, its end by its leader alone.

    A replica that lags behind ends before what was read elsewhere, as a log does that was made anew.
    """
    leader = [placement.leader] if placement.leader is not None else []
    return leader if offset == "end" else [*placement.replicas, *leader]


def _begun(log: str, messages: int, offset: int | str) -> tuple[StreamSubscription | EndProbe, tuple[int, int | None]]:
    if isinstance(offset, int):
        return StreamSubscription(log, offset, messages), chunks.from_offset(offset)
    if offset in ("last", "end"):
        return EndProbe(log), chunks.LAST
    return StreamSubscription(log, 0, messages), chunks.FIRST
