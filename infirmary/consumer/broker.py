"""A connection to the broker by AMQP 0-9-1, with a channel for each queue or log.

By it logs are read where the broker speaks no stream protocol, and queues everywhere.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from amqp.exceptions import (
    AccessRefused,
    AMQPError,
    ChannelError,
    ConnectionForced,
    NotFound,
    PreconditionFailed,
    ResourceLocked,
)
from amqp.exceptions import ConnectionError as BrokenConnection
from kombu.connection import Connection

from infirmary.consumer.ownership import marker, owned_by_another
from infirmary.consumer.py_amqp import read_more_at_once, tolerant_frame_handler
from infirmary.consumer.subscription import Subscription
from infirmary.consumer.tls import logs_in_by_certificate, tls_options
from infirmary.consumer.unreadable import Kind, Unreadable
from infirmary_streams.errors import BrokerClosedError, RefusedError, StreamLostError
from infirmary_streams.heartbeats import HEARTBEAT_S

T = TypeVar("T")

ANSWER_WITHIN_S: Final = 10
"""How long the broker may take to answer, or to take what is written to it: one that hangs closes nothing."""

QUIET_SOCKET = (TimeoutError, BlockingIOError)
BROKER_ERRORS: Final[tuple[type[Exception], ...]] = (AMQPError, OSError, StreamLostError, RefusedError)
"""What a lost or refused connection, channel or consumer raises."""

_KINDS: Final[dict[type[ChannelError], Kind]] = {
    NotFound: "missing",
    AccessRefused: "refused",
    ResourceLocked: "refused",
    PreconditionFailed: "wrong_kind",
}


def was_ended_by_a_log(error: Exception) -> bool:
    """Says whether the broker has closed the connection for what it was asked to do with a log."""
    return isinstance(error, (BrokenConnection, BrokerClosedError)) and not isinstance(error, ConnectionForced)


class Broker:
    """A connection to RabbitMQ.

    Attributes:
        times_emptied: How often everything that had come was taken in.
        asks_freely: Whether it costs the broker nothing to be asked for logs that are not there.
    """

    asks_freely: Final = False

    def __init__(
        self, url: str, name: str, ca_file: Path | None = None, certificate: tuple[Path, Path] | None = None
    ) -> None:
        """Connects, and says nothing to a host that is not the one that the URL names.

        Args:
            url: Where the broker is.
            name: What the broker should show.
            ca_file: Who must have signed its certificate, for amqps; None for those whom the system trusts.
            certificate: The client's own, and the file of its key; it is the login, too, where the URL names no user.

        Raises:
            OSError, amqp.AMQPError: The broker does not answer or refuses.
        """
        self._connection = Connection(
            url,
            heartbeat=HEARTBEAT_S,
            connect_timeout=5,
            login_method="EXTERNAL" if logs_in_by_certificate(url, certificate) else None,
            transport_options={
                "client_properties": {"connection_name": name},
                "frame_handler": tolerant_frame_handler,
            },
        )
        tls = tls_options(url, ca_file, certificate)
        if tls is not None:
            self._connection.ssl = tls  # set here, it overrules whatever the URL says
        self._connection.connect()
        connection = self._connection.connection
        connection.transport.sock.settimeout(ANSWER_WITHIN_S)
        read_more_at_once(connection)
        self.times_emptied = 0

    def subscribe(self, queue: str, prefetch: int, offset: int | str | None = None) -> Subscription:
        """Starts consuming.

        Raises:
            Unreadable: There is no such queue or log, or it may not or cannot be read.
        """
        return self._on_channel_of_its_own(lambda channel: Subscription(channel, queue, prefetch, offset))

    def exists(self, name: str) -> bool:
        """Says whether there is such a log or queue."""
        return self.messages_in(name) is not None

    def existing(self, logs: Sequence[str]) -> list[str]:
        """Returns those of these logs that there are; each that is not there is an error line in the broker's log."""
        return [log for log in logs if self.exists(log)]

    def messages_in(self, name: str) -> int | None:
        """Returns how many messages of a queue wait for a reader; None when there is no such queue."""
        try:
            with self._connection.channel() as channel:
                return int(channel.queue_declare(name, passive=True).message_count)
        except NotFound:
            return None
        except ChannelError:  # there is something that is not for us
            return 0

    def own(self, service: str, identity: str) -> None:
        """Marks the virtual host as that of the service with this database.

        Raises:
            OwnedByAnother: It is marked as another one's.
            Unreadable: This user may not mark it.
        """
        exchange, mark = marker(service, identity)

        def declare(channel: Any) -> None:
            channel.exchange_declare(exchange, "fanout", durable=True, auto_delete=False, arguments=mark)
            channel.close()

        try:
            self._on_channel_of_its_own(declare)
        except Unreadable as refused:
            if refused.kind == "wrong_kind":
                raise owned_by_another(service, identity, str(refused)) from refused
            raise

    def disown(self, service: str) -> None:
        """Removes the mark, whosever it is.

        Raises:
            Unreadable: This user may not.
        """
        exchange, _ = marker(service, "")

        def delete(channel: Any) -> None:
            channel.exchange_delete(exchange)
            channel.close()

        self._on_channel_of_its_own(delete)

    def _on_channel_of_its_own(self, work: Callable[[Any], T]) -> T:
        channel = self._connection.channel()
        try:
            return work(channel)
        except ChannelError as error:
            channel.close()  # py-amqp has opened it again by itself
            raise Unreadable(_KINDS.get(type(error), "failing"), str(error.reply_text or error)) from error

    def wait(self, timeout_s: float) -> bool:
        """Takes in what the broker sends next; returns whether something came in time."""
        try:
            self._connection.drain_events(timeout=timeout_s)
        except QUIET_SOCKET:
            self.times_emptied += 1
            return False
        return True

    def take_in(self, at_most: int) -> None:
        """Takes in what the broker has sent already, without waiting, up to so many messages."""
        connection = self._connection.connection
        try:
            with connection.transport.having_timeout(0):
                for _ in range(at_most):
                    connection.drain_events()
        except QUIET_SOCKET:
            self.times_emptied += 1

    def heartbeat(self) -> None:
        """Tells the broker that this process lives, and finds out whether the broker does.

        Raises:
            amqp.ConnectionForced: The broker has been silent for two heartbeats.
        """
        self._connection.heartbeat_check()

    def close(self) -> None:
        """Closes the connection, politely if it still stands."""
        try:
            self._connection.close()
        except BROKER_ERRORS:
            self._connection.collapse()
