"""A reader and writer of logs as short as can be, out of what infirmary_streams offers."""

import select
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from infirmary_streams import chunks, codes, commands, publishing
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Answer
from infirmary_streams.conversation import Conversation
from infirmary_streams.link import Link

TIMEOUT_S = 10.0
PUBLISHER, SUBSCRIPTION = 3, 5


class Client:
    """One connection, whose frames are waited for by their kind."""

    def __init__(self, address: StreamAddress) -> None:
        self.link = Link(Conversation(address, name="test", timeout_s=TIMEOUT_S))
        self._frames: deque[tuple[int, bytes]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.close()

    def wait_for(self, key: int, within_s: float = TIMEOUT_S) -> bytes:
        """Returns what the next frame of a kind holds; others stay for later."""
        give_up_at = time.monotonic() + within_s
        while True:
            for frame in self._frames:
                if frame[0] == key:
                    self._frames.remove(frame)
                    return frame[1]
            assert time.monotonic() < give_up_at, f"no frame {key:#x}, only {self.kinds_kept()}"
            self.gather()

    def gather(self) -> None:
        """Waits a moment and keeps the frames that have come."""
        writing = [self.link] if self.link.has_unwritten else []
        select.select([self.link], writing, [], 0.1)
        self._frames += self.link.frames()

    def kinds_kept(self) -> list[int]:
        """The kinds of the frames that nobody has waited for."""
        return [kind for kind, _ in self._frames]

    def ask(self, make: Callable[..., bytes], *arguments: object) -> Answer:
        """Asks, and returns the answer, whatever it is."""
        asked = make(77, *arguments)
        self.link.write(asked)
        answer = commands.answer(self.wait_for(int.from_bytes(asked[4:6], "big") | codes.RESPONSE))
        assert answer.correlation_id == 77
        return answer

    def publish(self, messages: Mapping[int, bytes], publisher: int = PUBLISHER) -> None:
        """Publishes messages by their ids."""
        self.publish_entries(
            [publishing.entry_head(at, len(body)) + body for at, body in messages.items()], publisher=publisher
        )

    def publish_entries(self, entries: Sequence[bytes], publisher: int = PUBLISHER) -> None:
        """Publishes entries, each a message or several in one."""
        content = b"".join(entries)
        self.link.write(publishing.publish_head(publisher, len(content), len(entries)) + content)

    def confirmed(self, count: int) -> list[int]:
        """Waits for so many confirms of ids, and returns them in their order."""
        found: list[int] = []
        while len(found) < count:
            publisher, ids = publishing.confirmed(self.wait_for(codes.PUBLISH_CONFIRM))
            assert publisher == PUBLISHER
            found += ids
        return found

    def write(self, stream: str, *messages: bytes) -> None:
        """Writes messages to a log and waits until it has them."""
        assert self.ask(commands.declare_publisher, PUBLISHER, stream).code == codes.OK
        self.publish(dict(enumerate(messages)))
        assert sorted(self.confirmed(len(messages))) == list(range(len(messages)))
        assert self.ask(commands.delete_publisher, PUBLISHER).code == codes.OK

    def read(self, stream: str, count: int, begin: tuple[int, int | None] = chunks.FIRST) -> list[bytes]:
        """Reads so many messages of a log, and all that stand in a chunk with the last of them."""
        assert self.ask(chunks.subscribe, SUBSCRIPTION, stream, begin, 1).code == codes.OK
        found: list[bytes] = []
        while len(found) < count:
            found += self.next_chunk().messages
            self.link.write(chunks.credit(SUBSCRIPTION, 1))
        assert self.ask(chunks.unsubscribe, SUBSCRIPTION).code == codes.OK
        return found

    def next_chunk(self) -> chunks.Chunk:
        """Waits for the next chunk."""
        subscription, chunk = chunks.delivered(self.wait_for(codes.DELIVER))
        assert subscription == SUBSCRIPTION
        assert chunk is not None
        return chunk
