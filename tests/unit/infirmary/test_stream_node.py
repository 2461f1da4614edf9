"""A node's connection: answers and chunks find whom they are for, in whatever order they come."""

import selectors
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from infirmary.consumer.streams import node as module
from infirmary.consumer.streams.node import MOST_SUBSCRIPTIONS, Lease, Node
from infirmary_streams import chunks, codes
from infirmary_streams.errors import RefusedError, StreamLostError

OK, GONE = struct.pack(">H", codes.OK), struct.pack(">H", codes.NO_SUCH_STREAM)


class Broker:
    """The other side: remembers what it is told, and answers what a test has it answer."""

    def __init__(self) -> None:
        self.told: list[tuple[int, bytes]] = []
        self.coming: deque[tuple[int, bytes]] = deque()
        self.answers: dict[int, bytes] = {codes.SUBSCRIBE: OK, codes.UNSUBSCRIBE: OK}
        self.before_answer: list[tuple[int, bytes]] = []

    def fileno(self) -> int:
        return 0

    def write(self, frame: bytes) -> None:
        key, content = int.from_bytes(frame[4:6], "big"), frame[8:]
        self.told.append((key, content))
        if key in self.answers:
            self.coming.extend((*self.before_answer, (key | codes.RESPONSE, content[:4] + self.answers[key])))

    def frames(self) -> Iterator[tuple[int, bytes]]:
        while self.coming:
            yield self.coming.popleft()

    def keys(self) -> list[int]:
        return [key for key, _ in self.told]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    waits = SimpleNamespace(register=lambda *_: None, select=lambda *_: [])
    monkeypatch.setattr(module, "Link", lambda _: broker)
    monkeypatch.setattr(selectors, "DefaultSelector", lambda: nullcontext(waits))
    return broker


@pytest.fixture
def node(broker: Broker) -> Node:
    opened: Any = SimpleNamespace(advertised=None)
    return Node(opened)


class Receiver:
    first_credit, held_bytes = 2, 10

    def __init__(self, log: str) -> None:
        self.log, self.cancelled = log, False
        self.lease: Lease | None = None
        self.came: list[bytes] = []

    def receive(self, payload: bytes) -> None:
        self.came.append(payload)


def lease_of(receiver: Receiver) -> Lease:
    assert receiver.lease is not None
    return receiver.lease


def id_given(broker: Broker) -> int:
    return broker.told[-1][1][4]


def test_a_chunk_that_comes_before_the_answer_is_taken_in(broker: Broker, node: Node) -> None:
    receiver = Receiver("ward.events")
    broker.before_answer.append((codes.DELIVER, bytes((0,)) + b"chunk"))
    node.subscribe(receiver, chunks.FIRST)
    assert [payload[1:] for payload in receiver.came] == [b"chunk"]
    assert node.held_bytes == 10


def test_credit_for_a_chunk_that_comes_together_with_the_answer_is_not_lost(broker: Broker, node: Node) -> None:
    class AsksForMore(Receiver):
        def receive(self, payload: bytes) -> None:
            super().receive(payload)
            lease_of(self).give_credit(1)

    broker.before_answer.append((codes.DELIVER, bytes((0,)) + b"chunk"))
    node.subscribe(AsksForMore("ward.events"), chunks.FIRST)
    assert broker.keys() == [codes.SUBSCRIBE, codes.CREDIT]


def test_chunks_go_to_their_subscription_and_those_of_nobody_nowhere(broker: Broker, node: Node) -> None:
    one, other = Receiver("ward.events"), Receiver("lab.events")
    node.subscribe(one, chunks.FIRST)
    first = id_given(broker)
    node.subscribe(other, chunks.FIRST)
    broker.coming.extend((codes.DELIVER, bytes((each,)) + b"x") for each in (first, 3, id_given(broker), first))
    broker.coming.append((codes.DELIVER, b""))
    node.take_in()
    assert (len(one.came), len(other.came)) == (2, 1)


def test_an_id_is_given_out_anew_only_when_the_broker_has_said_that_nothing_more_comes(
    broker: Broker, node: Node
) -> None:
    del broker.answers[codes.UNSUBSCRIBE]
    left = Receiver("ward.events")
    node.subscribe(left, chunks.FIRST)
    left_id = id_given(broker)
    lease_of(left).end()
    correlation_id = broker.told[-1][1][:4]
    others = []
    while node.has_room:
        node.subscribe(Receiver("lab.events"), chunks.FIRST)
        others.append(id_given(broker))
    assert left_id not in others
    broker.coming.append((codes.DELIVER, bytes((left_id,)) + b"late"))
    broker.coming.append((codes.UNSUBSCRIBE | codes.RESPONSE, correlation_id + OK))
    node.take_in()
    assert left.came == []
    node.subscribe(Receiver("lab.events"), chunks.FIRST)
    assert id_given(broker) == left_id


def test_a_log_that_has_moved_ends_its_subscriptions_alone(broker: Broker, node: Node) -> None:
    moved, stays = Receiver("ward.events"), Receiver("lab.events")
    node.subscribe(moved, chunks.FIRST)
    node.subscribe(stays, chunks.FIRST)
    broker.coming.append((codes.METADATA_UPDATE, GONE + struct.pack(">H", 11) + b"ward.events"))
    node.take_in()
    assert (moved.cancelled, stays.cancelled) == (True, False)
    told = len(broker.told)
    lease_of(moved).give_credit(1)
    lease_of(moved).end()
    assert len(broker.told) == told, "the broker knows nothing of it any more"


def test_credit_that_is_refused_ends_the_subscription(broker: Broker, node: Node) -> None:
    receiver = Receiver("ward.events")
    node.subscribe(receiver, chunks.FIRST)
    refused = id_given(broker)
    lease_of(receiver).give_credit(3)
    assert broker.told[-1] == (codes.CREDIT, struct.pack(">BH", refused, 3))
    broker.coming.append((codes.CREDIT | codes.RESPONSE, GONE + bytes((refused,))))
    node.take_in()
    assert receiver.cancelled


def test_a_subscription_that_is_refused_leaves_its_id(broker: Broker, node: Node) -> None:
    broker.answers[codes.SUBSCRIBE] = GONE
    for _ in range(2 * MOST_SUBSCRIPTIONS):
        with pytest.raises(RefusedError):
            node.subscribe(Receiver("ward.events"), chunks.FIRST)
    assert node.is_idle


def test_a_node_that_does_not_answer_is_waited_for_no_longer_than_is_good(
    broker: Broker, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.05)
    with pytest.raises(StreamLostError, match="did not answer"):
        node.placements(["ward.events"])
