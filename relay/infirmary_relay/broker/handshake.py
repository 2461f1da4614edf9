"""Opens a connection by py-amqp and takes it over: the one file that uses what py-amqp does not promise to keep.

py-amqp does the handshake; from then on it would only be in the way: it reads acknowledgements one at a time and writes
three buffers for each message. `pyproject.toml` has an upper bound for it: the transport's socket and what it has read
ahead are its own.
"""

import socket
from typing import Any, NamedTuple

import amqp

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.errors import BrokerLostError

CHANNEL = 1
CONNECT_TIMEOUT_S = 1.5


class OpenConnection(NamedTuple):
    """A connection with one open channel, CHANNEL, in confirm mode."""

    socket: socket.socket
    frame_max: int
    """The most bytes of a frame, as was agreed with the broker."""
    read_ahead: bytes
    """What py-amqp has read of the broker's bytes beyond the handshake."""
    connection: Any
    """Kept: its collector would close the socket."""

    def discard(self) -> None:
        """Lets py-amqp drop what it holds."""
        self.connection.collect()


def open_connection(address: BrokerAddress, *, name: str) -> OpenConnection:
    """Connects, logs in and opens the channel.

    Raises:
        BrokerLostError: the broker is not there, does not answer, or does not let this account in.
    """
    opened = amqp.Connection(**address.arguments(timeout_s=CONNECT_TIMEOUT_S, name=name))
    try:
        opened.connect()
        opened.channel(CHANNEL).confirm_select()
    except (OSError, amqp.AMQPError) as failed:
        opened.collect()
        where = f"{address.host}:{address.port}"
        raise BrokerLostError(f"connecting to the broker at {where} failed: {failed}") from failed
    transport = opened.transport
    return OpenConnection(transport.sock, opened.frame_max, bytes(transport._read_buffer), opened)
