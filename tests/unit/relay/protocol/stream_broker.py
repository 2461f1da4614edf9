"""A model of RabbitMQ as it is seen by the stream protocol: two nodes, one log, and publishers that it may end.

What a log has and has not confirmed it may lose, when its leader moves; confirms come in parts, in any order, and some
when the publisher has ended that they are for. A publisher that has a reference is told of each message whose id is not
above the last one that the log has it, and never gets it: so the broker drops what it takes for repeated.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from infirmary_relay.broker.declarer import Unanswered
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.publisher import Publisher
from infirmary_relay.broker.targets import LogLimits
from infirmary_relay.message import Row
from infirmary_relay.streams.declarations import StreamDeclarations
from infirmary_relay.streams.leaders import Leaders
from infirmary_relay.streams.publisher import StreamPublisher
from infirmary_streams import codes
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint
from tests.unit.relay.protocol.broker import Broker, Connected, ModelDeclarer, Said, Side
from tests.unit.relay.protocol.rows import came
from tests.unit.relay.protocol.steps import LOG
from tests.unit.relay.protocol.stream_links import ModelConversation, ModelLink, Unconfirmed
from tests.unit.relay.stream_frames import confirms, declared, errors, metadata_update

_NODES = Endpoint("one", 5552), Endpoint("two", 5552)
_BALANCER = Endpoint("broker", 5552)
_LIMITS = LogLimits("30D", 1_000_000)


class Connections:
    """Those of one relay's publisher, which ends with the first of them."""

    def __init__(self, publisher: StreamPublisher) -> None:
        self._publisher = publisher

    @property
    def links(self) -> list[ModelLink]:
        """They themselves."""
        return [node.link for node in self._publisher._nodes]  # type: ignore[misc]

    @property
    def publisher(self) -> Publisher:
        """The relay's side, which is the real one."""
        return self._publisher

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed one of them."""
        return all(link.is_open for link in self.links)

    @property
    def has_work(self) -> bool:
        """Whether there is something to take, or to confirm."""
        return any(link.wire or (link.unconfirmed and link.is_open) for link in self.links)

    def in_flight(self) -> list[Row]:
        """Returns the messages whose fate the broker has not told."""
        return self._publisher.in_flight()


class StreamBroker(Broker):
    """The nodes, which relays reach by the stream protocol."""

    def __init__(self, publisher: Callable[[Leaders, Any], StreamPublisher]) -> None:
        """Takes what the relays publish with."""
        super().__init__()
        self.leader = _NODES[0]
        self.times_down = 0
        self._publisher = publisher
        self._connections: list[Connections] = []
        self._confirmed_to = 0
        """How much of the log no change of its leader can take away."""
        self._last_ids: dict[str, int] = {}
        self._relays = count(1)
        self.may_repeat: Counter[bytes] = Counter()
        """How often a message may come to the log beyond its first time."""

    @property
    def connections(self) -> Sequence[Connected]:
        return self._connections

    def conversation(self, address: StreamAddress, **_how: object) -> ModelConversation:
        """Connects."""
        return ModelConversation(self, address, _BALANCER)

    def side(self, pause: Callable[[], None]) -> Side:  # noqa: ARG002
        leaders = Leaders(StreamAddress(*_BALANCER, "user", "password", "/"), f"relay {next(self._relays)}")
        return Side(lambda: self._open(leaders), ModelDeclarer(lambda: self._declared(leaders)))

    def is_sent(self, link: ModelLink, message_id: bytes) -> None:
        """Notes what will be sent again: another of its connections is lost, and the relay does not know yet."""
        if any(link in each.links and not each.is_open for each in self._connections):
            self.may_repeat[message_id] += 1

    def lose(self, connected: Connected, *, arrives: bool) -> None:
        for link in self._links_of(connected):
            link.close()
            if not arrives:
                link.wire.clear()

    def goes_down(self) -> None:
        self.is_up = False
        self.times_down += 1
        self._forget_unconfirmed()
        for link in self._links():
            link.wire.clear()
            link.publishers.clear()

    def loses_log(self, *, confirms_late: bool = False) -> None:
        self.has_log = False
        self._last_ids.clear()
        self.ends_publishers(codes.NO_SUCH_STREAM, keeps=False, confirms_late=confirms_late)

    def has_another(self) -> None:
        self.loses_log()
        self.is_another = True

    def moves_leader(self) -> None:
        """Moves the log's leader to the other node."""
        self.leader = _NODES[self.leader == _NODES[0]]

    def ends_publishers(self, code: int, *, keeps: bool, confirms_late: bool = False) -> None:
        """Tells all who publish that they have to begin anew.

        Args:
            code: Why.
            keeps: Whether the log keeps what is not confirmed.
            confirms_late: Whether it is confirmed all the same, when the next publisher is there.
        """
        for link in self._links():
            if link.publishers and link.is_open:
                link.receipts.append(metadata_update(LOG, code))
                link.late += link.unconfirmed if confirms_late else []
            link.publishers.clear()
        if keeps:
            self._confirmed_to = len(self.log)
        self._forget_unconfirmed()

    def take(self, connected: Connected, at_most: int, *, at_once: bool) -> None:
        """Takes messages from the wires, and confirms all that it has, or those that it had before, one by one."""
        for link in self._links_of(connected):
            before = len(link.unconfirmed)
            self._hear(link, at_most)
            if not link.is_open:
                link.unconfirmed = []
                continue
            confirming = len(link.unconfirmed) if at_once else before
            first, link.unconfirmed = link.unconfirmed[:confirming], link.unconfirmed[confirming:]
            for part in [first] if at_once else [[each] for each in reversed(first)]:
                self._confirmed_to = max(self._confirmed_to, *(each.log_length for each in part), 0)
                self._confirm(link, part)

    def takes_all(self) -> None:
        """Takes what is on all wires, and confirms nothing yet."""
        for link in self._links():
            self._hear(link, len(link.wire))

    def _confirm(self, link: ModelLink, which: list[Unconfirmed]) -> None:
        for publisher_id in {each.publisher_id for each in which}:
            ids = [each.publishing_id for each in reversed(which) if each.publisher_id == publisher_id]
            link.receipts.append(confirms(publisher_id, ids))

    def _hear(self, link: ModelLink, at_most: int) -> None:
        for _ in range(min(at_most, len(link.wire))):
            self._obey(link, link.wire.popleft())
            if link.late and link.publishers:
                self._confirm(link, link.late)
                link.late = []
                break
        if not link.is_open:
            link.receipts.clear()

    def _obey(self, link: ModelLink, request: dict[str, Any]) -> None:
        publisher_id = request.get("publisher", 0)
        if request["command"] == "declare publisher":
            code = codes.OK if self.has_log and not self.is_another else codes.NO_SUCH_STREAM
            code = codes.PRECONDITION_FAILED if publisher_id in link.publishers else code
            if code == codes.OK:
                link.publishers[publisher_id] = request["reference"]
            link.receipts.append(declared(request["correlation"], code))
        elif request["command"] == "publish":
            self._publish(link, publisher_id, request["id"], request["message"])

    def _publish(self, link: ModelLink, publisher_id: int, publishing_id: int, message: bytes) -> None:
        reference = link.publishers.get(publisher_id)
        if reference is None:
            link.receipts.append(errors(publisher_id, {publishing_id: codes.NO_SUCH_PUBLISHER}))
        elif self.fate() is not Said.ACK:
            said = errors(publisher_id, {publishing_id: codes.ACCESS_REFUSED})
            link.refused.setdefault(said, []).append(came(message))
            link.receipts.append(said)
        else:
            if not reference or publishing_id > self._last_ids.get(reference, 0):
                self.log.append(came(message).message_id)
                self._last_ids |= {reference: publishing_id} if reference else {}
            taken = Unconfirmed(publisher_id, publishing_id, len(self.log))
            link.unconfirmed = [*link.unconfirmed, taken]

    def _forget_unconfirmed(self) -> None:
        del self.log[self._confirmed_to :]
        for link in self._links():
            link.unconfirmed = []

    def _open(self, leaders: Leaders) -> Publisher:
        publisher = self._publisher(leaders, leaders.entry_or_lost())
        self._connections.append(Connections(publisher))
        return publisher

    def _declared(self, leaders: Leaders) -> str | None:
        try:
            return StreamDeclarations(leaders.entry_or_lost(), leaders, _LIMITS).declare(LOG)
        except BrokerLostError as lost:
            return Unanswered(str(lost))

    def _links(self) -> list[ModelLink]:
        return [link for each in self._connections for link in each.links]

    def _links_of(self, connected: Connected) -> list[ModelLink]:
        return next(each.links for each in self._connections if each is connected)
