"""A connection of the relay's publisher that says what a test has written down, and who leads each log."""

from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from infirmary_relay.message import Row
from infirmary_relay.streams.publisher import StreamPublisher
from infirmary_relay.window import Receipts
from infirmary_streams import codes, commands
from infirmary_streams.commands import Endpoint
from infirmary_streams.errors import BrokerClosedError, StreamLostError
from infirmary_streams.frames import FrameReader
from tests.unit.relay.stream_frames import declared, requests
from tests.unit.relay.test_stream_encoder import message

ONE, TWO = Endpoint("one", 5552), Endpoint("two", 5552)


class Link:
    """A connection that says what a test has written down."""

    def __init__(self, opened: Any) -> None:
        self.node: Endpoint | None = opened.advertised
        self.written: list[dict[str, Any]] = []
        self.says: deque[bytes] = deque()
        self.has_unwritten = self.is_lost = self.is_closed = False
        opened.links.append(self)

    def fileno(self) -> int:
        return 10 if self.node == ONE else 20

    def write(self, data: bytes) -> None:
        if self.is_lost:
            raise StreamLostError("it is gone")
        self.written += requests(data)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        if self.is_lost:
            raise StreamLostError("it is gone")
        while self.says:
            for key, payload in FrameReader().feed(self.says.popleft()):
                if key == codes.CLOSE:
                    raise BrokerClosedError(*commands.closed(payload)[1:])
                yield key, payload

    def close(self) -> None:
        self.is_closed = True

    @property
    def published(self) -> list[tuple[int, list[int]]]:
        """The publishers and numbers of what was written to be published, frame by frame."""
        frames = [each for each in self.written if each["command"] == "publish"]
        return [(each["publisher"], [number for number, _ in each["messages"]]) for each in frames]

    @property
    def declared(self) -> list[tuple[int, str, str]]:
        """The publishers that were declared, with their references and logs."""
        declaring = [each for each in self.written if each["command"] == "declare publisher"]
        return [(each["publisher"], each["reference"], each["stream"]) for each in declaring]

    def id_of(self, log: str) -> int:
        """The publisher that was declared last for a log."""
        return [publisher_id for publisher_id, _, stream in self.declared if stream == log][-1]

    def answer(self, log: str, code: int) -> bytes:
        """The answer to the first declaration for a log."""
        return declared(next(each["correlation"] for each in self.written if each.get("stream") == log), code)


class Leaders:
    """Knows the leader of each log as a test has it."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.leader: dict[str, Endpoint] = {}
        self.frame_max: dict[Endpoint | None, int] = {}
        self.is_forgotten = False

    def of(self, target: str) -> Endpoint | None:
        return self.leader.get(target, ONE)

    def connect(self, leader: Endpoint | None) -> Any:
        return SimpleNamespace(advertised=leader, frame_max=self.frame_max.get(leader, 1 << 20), links=self.links)

    def connected_to(self, node: Endpoint | None) -> None:
        """Needs no note."""

    def forget(self) -> None:
        self.is_forgotten = True


def opened(leaders: Leaders, together: int = 1, advertised: Endpoint | None = ONE) -> StreamPublisher:
    return StreamPublisher(leaders, leaders.connect(advertised), together)  # type: ignore[arg-type]


def rows(*numbers: int, target: str = "log") -> list[Row]:
    return [message(number, target=target, subject=f"s{number}") for number in numbers]


def settled(publishing: StreamPublisher) -> list[Receipts]:
    return [window.receipts() for window in publishing.settled()]
