"""The broker as its consumers see it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import amqp

QUIET_S = 0.5
"""When nothing has come for so long, there is nothing more."""
SURELY_S = 5.0
"""The same where it is known that there is something more."""


class Broker:
    """Reads and changes what is on a broker, through a connection for each call."""

    def __init__(self, url: str, stream_port: int = 0) -> None:
        self.url, self.stream_port = url, stream_port

    def messages(self, target: str, *, stream: bool = True) -> list[amqp.Message]:
        """Returns everything that is in a log, or takes what is in a queue; empty while there is no such thing."""
        found: list[amqp.Message] = []
        with contextlib.suppress(amqp.NotFound):
            if not stream:
                with self._channel() as channel:
                    count = channel.queue_declare(target, passive=True).message_count
                    _read(channel, target, found, lambda: bool(count) and len(found) >= count)
                return found
            with self._channel() as channel:  # of a log the broker's count may be that of some seconds ago
                last: list[amqp.Message] = []
                _read(channel, target, last, lambda: False, start="last")
            with self._channel() as channel:
                end = max(map(_offset, last), default=-1)
                if last:
                    _read(channel, target, found, lambda: bool(found) and _offset(found[-1]) >= end, start="first")
        return found

    def bodies(self, target: str, *, stream: bool = True) -> list[str]:
        return [_text(message.body) for message in self.messages(target, stream=stream)]

    def declare(self, target: str, **arguments: Any) -> None:
        with self._channel() as channel:
            channel.queue_declare(target, durable=True, auto_delete=False, arguments=arguments)

    def delete(self, target: str) -> None:
        with self._channel() as channel:
            channel.queue_delete(target)

    def count(self, target: str) -> int:
        """Returns how many messages lie in a queue or log."""
        with self._channel() as channel:
            return int(channel.queue_declare(target, passive=True).message_count)

    def exists(self, target: str) -> bool:
        with contextlib.suppress(amqp.NotFound), self._channel() as channel:
            channel.queue_declare(target, passive=True)
            return True
        return False

    def purge(self, target: str) -> None:
        with self._channel() as channel:
            channel.queue_purge(target)

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        parts = urlsplit(self.url)
        connection = amqp.Connection(
            host=f"{parts.hostname}:{parts.port}",
            userid=parts.username,
            password=parts.password,
            virtual_host=parts.path[1:] or "/",
            connect_timeout=5,
        )
        connection.connect()
        try:
            yield connection.channel()
        finally:
            with contextlib.suppress(OSError, amqp.AMQPError):
                connection.close()


def _read(
    channel: Any,
    target: str,
    found: list[amqp.Message],
    is_all: Callable[[], bool],
    *,
    start: str | None = None,
) -> None:
    """Reads until that is all, or nothing comes any more; of a log from where `start` says."""
    channel.basic_qos(0, 1000, False)
    arguments = None if start is None else {"x-stream-offset": start}
    channel.basic_consume(target, no_ack=start is None, callback=found.append, arguments=arguments)
    with contextlib.suppress(TimeoutError, OSError):
        while not is_all():
            before = len(found)
            channel.connection.drain_events(timeout=QUIET_S if start != "first" else SURELY_S)
            for message in found[before:] if start is not None else ():
                channel.basic_ack(message.delivery_tag)


def _offset(message: amqp.Message) -> int:
    return int(message.properties["application_headers"]["x-stream-offset"])


def _text(body: str | bytes) -> str:
    return body if isinstance(body, str) else body.decode()
