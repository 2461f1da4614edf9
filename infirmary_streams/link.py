"""An open connection that waits for nothing: bytes out, frames in, heartbeats both ways."""

import contextlib
from collections.abc import Iterator

from infirmary_streams import codes, commands
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import BrokerClosedError, NonsenseError, StreamLostError
from infirmary_streams.transport import Transport


class Link:
    """A connection that was logged in by a conversation, which ends with that."""

    def __init__(self, opened: Conversation) -> None:
        self.frame_max = opened.frame_max
        self.advertised = opened.advertised
        connected, self._reader, self._read_ahead = opened.detach()
        self._transport = Transport(connected, commands.HEARTBEAT_FRAME)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._transport.fileno()

    @property
    def has_unwritten(self) -> bool:
        """Whether bytes wait for the broker to take them."""
        return self._transport.has_unwritten

    def write(self, data: bytes) -> None:
        """Queues bytes and writes as many as the broker takes now.

        Raises:
            StreamLostError: The connection is gone.
        """
        try:
            self._transport.write(data)
        except OSError as lost:
            raise StreamLostError(str(lost)) from lost

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Writes what is queued, then yields (key, content) of every frame that has come; does not wait.

        Raises:
            BrokerClosedError: The broker ends the connection, and says why.
            StreamLostError: The connection is gone, or silent for two heartbeats.
        """
        try:
            data = self._transport.exchange()
        except OSError as lost:
            raise StreamLostError(str(lost)) from lost
        ahead, self._read_ahead = self._read_ahead, []
        try:
            for key, payload in (*ahead, *self._reader.feed(data)) if ahead else self._reader.feed(data):
                if key == codes.CLOSE:
                    self._closed(payload)
                if key != codes.HEARTBEAT:
                    yield key, payload
        except NonsenseError as nonsense:
            raise StreamLostError(f"the broker sent something that is no frame: {nonsense}") from nonsense

    def close(self) -> None:
        """Says goodbye, and drops the connection without waiting for the answer."""
        with contextlib.suppress(OSError):
            self._transport.write(commands.close(0))
        self._transport.close()

    def _closed(self, payload: bytes) -> None:
        correlation_id, code, reason = commands.closed(payload)
        with contextlib.suppress(OSError):
            self._transport.write(commands.close_answer(correlation_id))
        raise BrokerClosedError(code, reason)
