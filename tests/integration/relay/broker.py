"""The broker as its consumers see it."""

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import amqp


class Broker:
    """Reads and changes what is on a broker, through a connection for each call."""

    def __init__(self, url: str) -> None:
        self.url = url

    def messages(self, target: str, *, stream: bool = True) -> list[amqp.Message]:
        """Returns everything that is in a log, or takes what is in a queue; empty while there is no such thing."""
        found: list[amqp.Message] = []
        with contextlib.suppress(amqp.NotFound), self._channel() as channel:
            channel.basic_qos(0, 1000, False)
            count = channel.queue_declare(target, passive=True).message_count
            channel.basic_consume(
                target,
                no_ack=not stream,
                callback=found.append,
                arguments={"x-stream-offset": "first"} if stream else None,
            )
            with contextlib.suppress(TimeoutError, OSError):
                while len(found) < count or not count:
                    before = len(found)
                    channel.connection.drain_events(timeout=0.3)
                    for message in found[before:] if stream else ():
                        channel.basic_ack(message.delivery_tag)
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


def _text(body: str | bytes) -> str:
    return body if isinstance(body, str) else body.decode()
