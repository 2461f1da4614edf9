"""An AMQP connection with one channel in confirm mode: bytes out, frames in, heartbeats both ways."""

import contextlib
from collections.abc import Iterator

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.handshake import open_connection
from infirmary_relay.broker.wire import HEARTBEAT_FRAME, FrameReader, method_frame
from infirmary_streams.transport import Transport

_CLOSE_ARGUMENTS = b"\x00\xc8\x00\x00\x00\x00\x00"  # reply code 200, no text, no method that failed


class Session:
    """An open connection; what it writes and reads waits for nothing."""

    def __init__(self, address: BrokerAddress, *, name: str) -> None:
        """Connects.

        Raises:
            BrokerLostError: the broker is not there, does not answer, or does not let this account in.
        """
        opened = open_connection(address, name=name)
        self.frame_max = opened.frame_max
        self._opened = opened
        self._transport = Transport(opened.socket, HEARTBEAT_FRAME)
        self._reader = FrameReader()
        self._read_ahead = opened.read_ahead

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
            BrokerLostError: the connection is gone.
        """
        try:
            self._transport.write(data)
        except OSError as lost:
            raise BrokerLostError(str(lost)) from lost

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Writes what is queued, then yields (type, payload) of every frame that has come; does not wait.

        Raises:
            BrokerLostError: the connection is gone, or silent for two heartbeats.
        """
        try:
            data, self._read_ahead = self._read_ahead + self._transport.exchange(), b""
        except OSError as lost:
            raise BrokerLostError(str(lost)) from lost
        try:
            yield from self._reader.feed(data)
        except ValueError as nonsense:
            raise BrokerLostError(f"the broker sent something that is no AMQP frame: {nonsense}") from nonsense

    def close(self) -> None:
        """Sends connection.close, and drops the connection without waiting for the answer."""
        with contextlib.suppress(OSError):
            self._transport.write(method_frame(0, 10, 50, _CLOSE_ARGUMENTS))
        self._opened.discard()
        self._transport.close()
