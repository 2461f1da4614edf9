"""A model of RabbitMQ, as far as a relay sees it: one log, and channels on which bytes and confirms are under way."""

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from infirmary_relay.broker.declarer import IS_THERE, Declarer, Unanswered
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.publisher import Publisher, Waiting
from infirmary_relay.confirms import Confirms
from infirmary_relay.message import MESSAGE_ID, TARGET, Row
from infirmary_relay.window import Window
from tests.unit.relay.protocol.violations import require


class Said(Enum):
    """What the broker says of a message."""

    ACK = "ack"
    NACK = "nack"
    RETURN = "return"


class Connected(Protocol):
    """What one relay has of connections to the broker, seen from the broker's side."""

    @property
    def publisher(self) -> Publisher:
        """What the relay holds of it."""

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""

    @property
    def has_work(self) -> bool:
        """Whether the broker has something to take from it, or to say on it."""

    def in_flight(self) -> list[Row]:
        """Returns the messages whose fate the broker has not told."""


class Side(NamedTuple):
    """How one relay comes to the broker."""

    connect: Callable[[], Publisher]
    declarer: Declarer


class Channel:
    """The publisher of one relay, with the real bookkeeping of its confirms and no wire format."""

    blocked: str | None = None
    waiting = Waiting([-1], [])

    def __init__(self, broker: "Broker", pause: Callable[[], None]) -> None:
        self.confirms = Confirms()
        self.wire: deque[tuple[int, Row]] = deque()
        """What is on its way to the broker, with its delivery tags; it may arrive after the relay's death."""
        self.receipts: deque[tuple[Said, int, bool, Row]] = deque()
        """What the broker has said and the relay has not read."""
        self.known_targets: set[str] = set()
        self.is_open = True
        self._broker, self._pause = broker, pause

    @property
    def publisher(self) -> Publisher:
        """Itself."""
        return self

    @property
    def has_work(self) -> bool:
        """Whether messages are on their way."""
        return bool(self.wire)

    def has_room(self, windows: int) -> bool:
        """Whether another batch may be published."""
        return len(self.confirms) < windows and not self.confirms.tainted

    def in_flight(self) -> list[Row]:
        """Returns the messages whose fate the broker has not told."""
        return self.confirms.rows()

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        """Sends a batch; before it, anything may happen."""
        window = self.confirms.publish(rows)
        self._pause()
        if not self.is_open:
            raise BrokerLostError("writing to the broker failed")
        self.wire.extend(enumerate(rows, start=window.first_tag))
        return []

    def settled(self, may_end: Callable[[Window], bool]) -> list[Window]:
        """Reads what the broker has said."""
        if not self.is_open:
            raise BrokerLostError("the broker closed the connection")
        while self.receipts:
            said, tag, multiple, row = self.receipts.popleft()
            if said is Said.ACK:
                self.confirms.acknowledged(tag, multiple=multiple)
            elif said is Said.NACK:
                self.confirms.refused(tag, multiple=multiple)
            else:
                self.confirms.returned(row[MESSAGE_ID], row[TARGET])
        return self.confirms.settled(may_end)

    def close(self) -> None:
        """Drops the connection; what is on the wire may still arrive."""
        self.is_open = False
        self.receipts.clear()


class Broker:
    """The node, with its only log, to which relays publish by AMQP 0-9-1."""

    def __init__(self) -> None:
        self.is_up = True
        self.has_log = True
        self.refuses = 0
        """How many of the next messages."""
        self.is_another = False
        """Whether a queue has the log's name: it takes every message and keeps it for nobody."""
        self.has_failed_some = False
        """Whether it has returned or refused a message: then a later one of its subject may stand before it."""
        self.log: list[bytes] = []
        self._channels: list[Channel] = []

    @property
    def connections(self) -> Sequence[Connected]:
        """All that were ever opened."""
        return self._channels

    def side(self, pause: Callable[[], None]) -> Side:
        """How a relay comes to it, which may be stopped where it calls `pause`."""
        return Side(lambda: self._connect(pause), ModelDeclarer(self.declare))

    def declare(self) -> str | None:
        """Makes the log unless it is there."""
        if not self.is_up:
            return Unanswered("the broker is away")
        self.has_log = True
        return "it is not what its name says" if self.is_another else None

    def lose(self, connected: Connected, *, arrives: bool) -> None:
        """Breaks a connection; says whether what is on the wire arrives all the same."""
        for channel in self._channels:
            if channel is connected:
                channel.close()
                if not arrives:
                    channel.wire.clear()

    def goes_down(self) -> None:
        """Ends, with all that was on its way."""
        self.is_up = False
        for channel in self._channels:
            channel.wire.clear()

    def loses_log(self) -> None:
        """Has its log deleted."""
        self.has_log = False

    def has_another(self) -> None:
        """Has a queue in the place of its log; what is in the log stays readable here: a reader has it already."""
        self.is_another = self.has_failed_some = True

    def take(self, connected: Connected, at_most: int, *, at_once: bool) -> None:
        """Takes messages from a wire in their order, and says what became of them, singly or with one `multiple`."""
        for channel in self._channels:
            if channel is connected:
                self._take(channel, at_most, at_once=at_once)

    def fate(self) -> Said:
        """What becomes of a message that comes now."""
        require(self.is_up, "a node that is down takes a message")
        if self.is_another:
            return Said.ACK
        if self.has_log and not self.refuses:
            return Said.ACK
        self.has_failed_some = True
        self.refuses = max(0, self.refuses - 1)
        return Said.NACK if self.has_log else Said.RETURN

    def _connect(self, pause: Callable[[], None]) -> Channel:
        pause()
        if not self.is_up:
            raise BrokerLostError("connecting to the broker failed")
        self._channels.append(Channel(self, pause))
        return self._channels[-1]

    def _take(self, channel: Channel, at_most: int, *, at_once: bool) -> None:
        taken = [channel.wire.popleft() for _ in range(min(at_most, len(channel.wire)))]
        said = [(self._takes(row), tag, row) for tag, row in taken]
        for kind, tag, row in said:
            if kind is Said.RETURN:
                channel.receipts.append((kind, tag, False, row))
        if at_once and said and all(kind is not Said.NACK for kind, _, _ in said):
            _, tag, row = said[-1]
            channel.receipts.append((Said.ACK, tag, True, row))
        else:
            for kind, tag, row in reversed(said):
                channel.receipts.append((Said.NACK if kind is Said.NACK else Said.ACK, tag, False, row))
        if not channel.is_open:
            channel.receipts.clear()

    def _takes(self, row: Row) -> Said:
        fate = self.fate()
        if fate is Said.ACK and not self.is_another:
            self.log.append(row[MESSAGE_ID])
        return fate


class ModelDeclarer(Declarer):
    """Declares at once, in the relay's own thread."""

    def __init__(self, declare: Callable[[], str | None]) -> None:
        self._declare = declare

    def fileno(self) -> int:
        """Returns a descriptor that nobody waits on."""
        return -1

    def drain_notifications(self) -> None:
        """There is nothing to hear: answers come at once."""

    def ask(self, target: str, *, timeout_s: float = 0.0) -> str | None:  # noqa: ARG002
        """Returns IS_THERE, or why the target cannot be used."""
        return self._declare() or IS_THERE
