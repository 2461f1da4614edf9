"""Puts messages into real logs, as a relay would, and runs the service's consumer on them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import amqp
from kombu.connection import Connection

from infirmary.consumer.loop import Consumer
from infirmary.consumer.session import Session
from infirmary.identifiers import new_id
from infirmary.messages import encode
from infirmary.observing.health import Liveness
from infirmary.transport.log_names import old_queue_of
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE, Add, Told
from tests.integration.infirmary.running import running

QUEUE = old_queue_of(SERVICE)


class Publisher:
    """Publishes with confirms."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, transport_options={"confirm_publish": True})
        self._asked: Counter[UUID] = Counter()
        self.channel: Any = self._connection.channel()

    def declare(self, *logs: str, **arguments: object) -> None:
        """Declares logs."""
        for name in logs:
            stream = {"x-queue-type": "stream"} | arguments
            self.channel.queue_declare(name, durable=True, auto_delete=False, arguments=stream)

    def declare_old_queue(self) -> None:
        """Declares the queue of commands as the release before did."""
        arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        self.channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)

    def delete(self, *names: str) -> None:
        """Deletes logs and queues, if they are there."""
        for name in names or (LOG, COMMANDS, QUEUE):
            self.channel.queue_delete(name)

    def tell(self, counter: str, *numbers: int, log: str = LOG, **headers: object) -> None:
        """Publishes events of a counter; the sequence is the number."""
        for number in numbers:
            known = {"subject": counter, "sequence": number}
            self._publish(log, "Told", encode(Told(counter=counter, number=number)), "ward", known | headers)

    def ask(self, saga_id: UUID, number: int, step: str = "step", **headers: object) -> None:
        """Sends the next command of a saga."""
        self._asked[saga_id] += 1
        known = {"subject": str(saga_id), "sequence": self._asked[saga_id]}
        self._publish(COMMANDS, "Add", _command(saga_id, number, step), "admission", known | headers)

    def ask_by_old_queue(self, saga_id: UUID, number: int, attempt: int = 1) -> None:
        """Sends a command as the release before did: into the queue, and without a sequence."""
        body = _command(saga_id, number, "step", attempt)
        self._publish(QUEUE, "Add", body, "admission", {"subject": str(saga_id)})

    def raw(self, target: str, body: bytes, **properties: Any) -> None:
        """Publishes anything at all."""
        self.channel.basic_publish(amqp.Message(body, delivery_mode=2, **properties), routing_key=target)

    def _publish(self, target: str, kind: str, body: bytes, source: str, headers: dict[str, Any]) -> None:
        self.raw(target, body, message_id=str(new_id()), type=kind, app_id=source, application_headers=headers)

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()


def _command(saga_id: UUID, number: int, step: str, attempt: int = 1) -> bytes:
    return encode(Add(saga_id=saga_id, step=step, attempt=attempt, reply_to="admission", number=number))


@contextmanager
def consuming(counting: Counting, rabbitmq_url: str, *logs: str) -> Iterator[Liveness]:
    """Runs the consumer in a thread, with connections of its own; it reads these logs, or both."""
    liveness = Liveness()

    def connect() -> Session:
        return counting.session(rabbitmq_url, logs or (LOG, COMMANDS))

    with running(Consumer(connect, counting.store.is_transient, liveness), ends_within_s=20):
        yield liveness
