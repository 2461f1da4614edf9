"""A hospital that has used queues for commands: what is left in them is applied before the logs are read."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from infirmary.identifiers import new_id
from infirmary.messages import encode
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Add, Faults
from tests.integration.infirmary.publisher import Publisher, consuming

QUEUE = "counting.inbox"


class OldPublisher(Publisher):
    """A sender of the release before, and one of this release."""

    def declare_queue(self) -> None:
        """Declares the queue as the release before did."""
        arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        self.channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)

    def ask_by_queue(self, saga_id: UUID, number: int, attempt: int = 1) -> None:
        """Sends a command as the release before did: into the queue, and without a sequence."""
        fields: dict[str, Any] = {"saga_id": saga_id, "step": "step", "attempt": attempt, "reply_to": "admission"}
        command = Add(**fields, counter=str(saga_id), number=number)
        self._publish(QUEUE, "Add", encode(command), "admission", {"subject": str(saga_id)})


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[OldPublisher]:
    """A publisher on a broker with both logs, and with the queue of the release before."""
    publisher = OldPublisher(rabbitmq_url)
    publisher.delete()
    publisher.channel.queue_delete(QUEUE)
    publisher.declare_log(LOG, COMMANDS)
    publisher.declare_queue()
    yield publisher
    publisher.delete()
    publisher.channel.queue_delete(QUEUE)
    publisher.close()


def order_of(counting: Counting) -> list[str]:
    return [counter for (counter,) in counting.rows("SELECT counter FROM told ORDER BY id")]


def test_a_sender_of_the_release_before_may_go_on_while_others_use_logs(
    counting: Counting, publisher: OldPublisher, rabbitmq_url: str
) -> None:
    old, new = [new_id() for _ in range(100)], [new_id() for _ in range(100)]

    def send() -> None:
        sender = OldPublisher(rabbitmq_url)
        for saga_id in old:
            sender.ask_by_queue(saga_id, 1)
            sender.ask_by_queue(saga_id, 1, attempt=2)
        sender.close()

    sending = threading.Thread(target=send)
    with consuming(counting, rabbitmq_url):
        sending.start()
        for saga_id in new:
            publisher.ask(saga_id, 1)
        sending.join()
        eventually(lambda: len(order_of(counting)) == 200, because="everything is applied", within_s=60)
    assert set(order_of(counting)) == {str(saga_id) for saga_id in old + new}, "each once, however often it was asked"
    assert counting.rows("SELECT count(*) FROM outbox WHERE type = 'Reply'") == [(300,)]


def test_logs_do_not_wait_for_a_sender_of_the_release_before_that_goes_on_for_ever(
    counting: Counting, publisher: OldPublisher, rabbitmq_url: str
) -> None:
    stop, saga_id = threading.Event(), new_id()

    def send() -> None:
        sender = OldPublisher(rabbitmq_url)
        while not stop.wait(0.3):  # too often for the queue ever to be empty for a second
            sender.ask_by_queue(new_id(), 1)
        sender.close()

    sending = threading.Thread(target=send)
    publisher.ask(saga_id, 1)
    with consuming(counting, rabbitmq_url):
        sending.start()
        try:
            eventually(lambda: counting.numbers(saga_id) == [1], because="its log is read", within_s=30)
        finally:
            stop.set()
            sending.join()


def test_what_the_release_before_has_parked_is_tried_again(
    counting: Counting, faults: Faults, publisher: OldPublisher, rabbitmq_url: str
) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    publisher.ask_by_queue(saga_id, 5)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: [error for _, _, error in counting.held()], because="it is parked")
        faults.broken.clear()
        eventually(lambda: counting.numbers(saga_id) == [5], because="it is tried again")
    assert counting.held() == []
