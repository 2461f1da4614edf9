"""The ends of logs, read by AMQP 0-9-1, where the broker speaks no other protocol."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import amqp

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.set_back.tails import Unreadable
from infirmary_relay.set_back.told import Told, told_by

_TIMEOUT_S = 1.5
_QUIET_S = 0.5
"""When nothing has come for so long of a log's last piece, nothing more will: by this protocol nobody tells its end."""
_PREFETCH = 5000
"""More than a log keeps together in one piece."""
_OFFSET = "x-stream-offset"


class AmqpTails:
    """What a look costs: a connection for as long as it lasts, on which all logs are read at once."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address

    def read(self, logs: Sequence[str], messages: int) -> Iterator[tuple[str, list[Told] | Unreadable]]:
        """Gives of each log its last messages, or why they cannot be read.

        Raises:
            BrokerLostError: The broker cannot be reached.
        """
        arguments = self._address.arguments(timeout_s=_TIMEOUT_S, name="relay looks")
        connection = amqp.Connection(**arguments)
        try:
            connection.connect()
            pieces = [_Piece(connection, log, "last") for log in logs]
            _take_in(connection, lambda: False)
            earlier = [piece.before(connection, messages) for piece in pieces]
            _take_in(connection, lambda: all(each.is_complete for each in earlier))
        except (OSError, amqp.AMQPError) as lost:
            raise BrokerLostError(f"reading the ends of logs failed: {lost}") from lost
        finally:
            with contextlib.suppress(OSError, amqp.AMQPError):
                connection.close()
        for piece, before in zip(pieces, earlier, strict=True):
            told = (before.messages | piece.messages).values()
            yield piece.log, piece.why or [each for each in told if each is not None]


class _Piece:
    """What lies in a log from an offset on, read on a channel of its own."""

    def __init__(self, connection: Any, log: str, begin: int | str | None, end: int = 0) -> None:
        """Begins to read; None for nothing to be read, and `end` for the offset before which all is wanted."""
        self.log, self._end = log, end
        self.messages: dict[int, Told | None] = {}
        self.why: Unreadable | None = None
        if begin is None:
            return
        channel = connection.channel()
        try:
            channel.basic_qos(0, _PREFETCH, False)
            channel.basic_consume(log, callback=self._came, arguments={_OFFSET: begin})
        except amqp.NotFound:
            return
        except amqp.ChannelError as refused:
            self.why = Unreadable(str(refused.reply_text))

    @property
    def is_complete(self) -> bool:
        """Whether all has come that is wanted."""
        return self._end == 0 or max(self.messages, default=-1) >= self._end - 1

    def before(self, connection: Any, messages: int) -> "_Piece":
        """The messages before this piece's, if it has less of them than are wanted."""
        first, begin = min(self.messages, default=0), max(0, max(self.messages, default=0) + 1 - messages)
        return _Piece(connection, self.log, begin, first) if begin < first else _Piece(connection, self.log, None)

    def _came(self, message: Any) -> None:
        properties: Mapping[str, Any] = message.properties
        self.messages[properties["application_headers"][_OFFSET]] = told_by(self.log, properties)
        message.channel.basic_ack(message.delivery_tag)


def _take_in(connection: Any, is_all: Callable[[], bool]) -> None:
    """Takes in what comes until that is all, or nothing has come for a while."""
    heard_at = time.monotonic()
    while not is_all() and time.monotonic() - heard_at < _QUIET_S:
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=_QUIET_S)
            heard_at = time.monotonic()
