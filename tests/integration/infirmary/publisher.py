"""Puts messages into real logs, as a relay would, and runs the counting service's consumer on them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import amqp
import pytest
from kombu.connection import Connection

from infirmary.consumer.loop import Consumer, Session
from infirmary.identifiers import new_id
from infirmary.messages import encode
from infirmary.observing.health import Liveness
from infirmary.postgres.database import is_transient
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Add, Told
from tests.integration.infirmary.running import running
from tests.integration.reading import brokers


class Publisher:
    """Puts messages into the log and the queue, as a relay would, with confirms."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, transport_options={"confirm_publish": True})
        self._asked: Counter[UUID] = Counter()
        self.channel: Any = self._connection.channel()

    def declare_log(self, *names: str) -> None:
        """Declares the log of events, or others."""
        for name in names or (LOG,):
            self.channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})

    def delete(self) -> None:
        """Deletes both logs."""
        for name in (LOG, COMMANDS):
            self.channel.queue_delete(name)

    def tell(self, counter: str, *numbers: int, log: str = LOG) -> None:
        """Publishes events of a counter; the sequence is the number."""
        for number in numbers:
            headers = {"subject": counter, "sequence": number}
            self._publish(log, "Told", encode(Told(counter=counter, number=number)), "ward", headers)

    def ask(self, saga_id: UUID, number: int, message_id: UUID | None = None) -> None:
        """Sends a command."""
        command = Add(
            saga_id=saga_id, step="step", attempt=1, reply_to="admission", counter=str(saga_id), number=number
        )
        self._asked[saga_id] += 1
        headers = {"subject": str(saga_id), "sequence": self._asked[saga_id]}
        self._publish(COMMANDS, "Add", encode(command), "admission", headers, message_id)

    def raw(self, queue: str, body: bytes, **properties: Any) -> None:
        """Publishes anything at all."""
        self.channel.basic_publish(amqp.Message(body, delivery_mode=2, **properties), routing_key=queue)

    def _publish(
        self, target: str, kind: str, body: bytes, source: str, headers: dict[str, Any], message_id: UUID | None = None
    ) -> None:
        self.raw(
            target, body, message_id=str(message_id or new_id()), type=kind, app_id=source, application_headers=headers
        )

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker whose logs are empty."""
    publisher = Publisher(rabbitmq_url)
    publisher.delete()
    publisher.declare_log(LOG, COMMANDS)
    yield publisher
    publisher.delete()
    publisher.close()


@contextmanager
def consuming(counting: Counting, rabbitmq_url: str) -> Iterator[Liveness]:
    """Runs the consumer in a thread, with connections of its own."""
    liveness = Liveness()

    def connect() -> Session:
        return counting.session(brokers(rabbitmq_url, counting.reading_port))

    with running(Consumer(connect, is_transient, liveness), ends_within_s=20):
        yield liveness
