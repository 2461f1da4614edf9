"""Connections by the stream protocol, at the level of frames: what the relay's streams side takes for the real ones."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from infirmary_streams import codes
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint, Placement
from infirmary_streams.errors import RefusedError, StreamLostError
from infirmary_streams.frames import FrameReader
from tests.unit.relay.protocol.rows import Came, came
from tests.unit.relay.protocol.violations import require
from tests.unit.relay.stream_frames import requests


class Nodes(Protocol):
    """What connections ask of their broker."""

    is_up: bool
    is_another: bool
    has_log: bool
    leader: Endpoint
    times_down: int
    log: list[bytes]

    def is_sent(self, link: "ModelLink", message_id: bytes) -> None:
        """Hears of a message that a relay writes."""


def pause() -> None:
    """Waits, in a relay's thread, until it is told to go on."""
    waiting: Callable[[], None] | None = getattr(threading.current_thread(), "pause", None)
    if waiting is not None:
        waiting()


class ModelConversation:
    """A connection to one of the nodes, or to the balancer before them, which answers for the leader."""

    frame_max = 300
    """Room for one message, and not for two."""

    def __init__(self, broker: Nodes, address: StreamAddress, balancer: Endpoint) -> None:
        pause()
        if not broker.is_up:
            raise StreamLostError("connection refused")
        self.broker = broker
        self.advertised = broker.leader if address.endpoint == balancer else address.endpoint
        self._times_down = broker.times_down

    @property
    def lives(self) -> bool:
        """Whether the broker has not been down meanwhile."""
        return self.broker.is_up and self.broker.times_down == self._times_down

    def placements(self, stream: str) -> dict[str, Placement]:
        """Where the log is."""
        self._answers()
        is_there = self.broker.has_log and not self.broker.is_another
        return {stream: Placement(codes.OK, self.broker.leader) if is_there else Placement(codes.NO_SUCH_STREAM)}

    def create(self, stream: str, _arguments: Mapping[str, str]) -> None:
        """Makes the log."""
        self._answers()
        if self.broker.has_log or self.broker.is_another:
            raise RefusedError(stream, codes.PRECONDITION_FAILED)
        self.broker.has_log = True

    def may_publish(self, stream: str) -> None:
        """Makes sure that one may publish."""
        self._answers()
        if not self.broker.has_log or self.broker.is_another:
            raise RefusedError(stream, codes.NO_SUCH_STREAM)

    def close(self) -> None:
        """Says goodbye."""

    def drop(self) -> None:
        """Disconnects."""

    def _answers(self) -> None:
        if not self.lives:
            raise StreamLostError("the broker closed the connection")


class Unconfirmed(NamedTuple):
    """A message that was taken, and how long the log is with it."""

    publisher_id: int
    publishing_id: int
    log_length: int


class ModelLink:
    """An open connection.

    Attributes:
        wire: What is on its way to the broker, message by message; it may arrive after the relay's death.
        receipts: What the broker has said and the relay has not read, in frames.
        publishers: What the broker knows of those that publish on it: the reference of each, which may be none.
        unconfirmed: What the log has and the relay has not been told.
        late: What will be confirmed when its publisher has ended and the next one is there.
    """

    has_unwritten = False

    def __init__(self, opened: ModelConversation) -> None:
        self.is_open = opened.lives
        self.wire: deque[dict[str, Any]] = deque()
        self.receipts: deque[bytes] = deque()
        self.publishers: dict[int, str] = {}
        self.unconfirmed: list[Unconfirmed] = []
        self.late: list[Unconfirmed] = []
        self._opened = opened
        self._reader = FrameReader()
        self._failed: dict[str, Came] = {}
        """The first message of each subject of which the relay has read that it was not taken."""
        self.refused: dict[bytes, list[Came]] = {}
        """What a frame among the receipts says was not taken."""

    def fileno(self) -> int:
        """Returns a descriptor that nobody waits on."""
        return -1

    def write(self, data: bytes) -> None:
        """Sends frames; before it, anything may happen."""
        pause()
        if not self.is_open:
            raise StreamLostError("writing to the broker failed")
        for request in requests(data):
            if request["command"] != "publish":
                self.wire.append(request)
                continue
            for publishing_id, message in request["messages"]:
                self._judge(came(message))
                self._opened.broker.is_sent(self, came(message).message_id)
                self.wire.append(
                    {"command": "publish", "publisher": request["publisher"], "id": publishing_id, "message": message}
                )

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Reads what the broker has said."""
        if not self.is_open:
            raise StreamLostError("the broker closed the connection")
        while self.receipts:
            said = self.receipts.popleft()
            for failed in self.refused.pop(said, []):
                first = self._failed.setdefault(failed.subject, failed)
                self._failed[failed.subject] = min(first, failed, key=lambda each: each.sequence)
            yield from self._reader.feed(said)

    def close(self) -> None:
        """Drops the connection; what is on the wire may still arrive."""
        self.is_open = False
        self.receipts.clear()

    def _judge(self, written: Came) -> None:
        failed = self._failed.get(written.subject)
        if failed is None:
            return
        if written.sequence <= failed.sequence:
            del self._failed[written.subject]
            return
        has_come = failed.message_id in self._opened.broker.log
        require(has_come, "a relay knows that a message was refused, and sends what stands behind it")
