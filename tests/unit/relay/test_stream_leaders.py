"""A log's leader is reached where it says that it is, or through what stands before it; else that is told."""

import threading
from types import SimpleNamespace

import pytest

from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.streams import leaders
from infirmary_relay.streams.leaders import Leaders
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint
from infirmary_streams.errors import StreamLostError

BROKER = Endpoint("broker", 5552)
ONE, TWO, THREE = (Endpoint(name, 5552) for name in ("one", "two", "three"))


class Conversation:
    """A connection to whoever answers at an address."""

    def __init__(self, network: "Network", advertised: Endpoint | None) -> None:
        self.advertised = advertised
        self.is_open = True
        network.opened.append(self)

    def drop(self) -> None:
        self.is_open = False


class Network:
    """Who answers where, one after the other; nobody where nothing is written down."""

    def __init__(self) -> None:
        self.answers: dict[Endpoint, list[Endpoint | None]] = {}
        self.asked: list[Endpoint] = []
        self.opened: list[Conversation] = []

    def connect(self, address: StreamAddress, **_how: object) -> Conversation:
        self.asked.append(address.endpoint)
        answers = self.answers.get(address.endpoint)
        if not answers:
            raise StreamLostError("connection refused")
        return Conversation(self, answers.pop(0) if len(answers) > 1 else answers[0])

    @property
    def left_open(self) -> list[Conversation]:
        return [each for each in self.opened if each.is_open]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(leaders, "Conversation", made.connect)
    return made


@pytest.fixture
def known(network: Network) -> Leaders:
    return Leaders(StreamAddress(*BROKER, "user", "password", "/"), "relay")


def test_a_leader_is_connected_to_where_it_says_that_it_is(network: Network, known: Leaders) -> None:
    network.answers[TWO] = [TWO]
    known.found("log", TWO)
    assert known.of("log") == TWO
    assert id(known.connect(TWO)) == id(network.opened[0])
    assert network.asked == [TWO]


def test_a_connection_that_is_there_is_not_opened_again(network: Network, known: Leaders) -> None:
    network.answers |= {ONE: [ONE], TWO: [TWO]}
    known.connected_to(ONE)
    known.found("log", ONE)
    known.found("other", TWO)
    known.found("third", TWO)
    assert network.asked == [TWO]


@pytest.mark.parametrize("there", [[], [ONE]])
def test_behind_a_balancer_it_is_tried_until_the_leader_answers(
    network: Network, known: Leaders, there: list[Endpoint | None]
) -> None:
    """Nobody is at the leader's own address from here, or somebody else is."""
    network.answers |= {TWO: there, BROKER: [ONE, THREE, TWO]}
    known.found("log", TWO)
    assert [each.advertised for each in network.left_open] == [TWO]
    assert network.asked == [TWO, BROKER, BROKER, BROKER]


def test_a_node_that_does_not_say_where_it_is_is_taken_for_the_leader(network: Network, known: Leaders) -> None:
    network.answers[BROKER] = [None]
    known.found("log", TWO)
    assert network.asked == [TWO, BROKER]
    known.found("other", BROKER)
    assert network.asked == [TWO, BROKER, BROKER]


def test_a_leader_that_cannot_be_reached_is_told(network: Network, known: Leaders) -> None:
    network.answers[BROKER] = [ONE]
    with pytest.raises(StreamLostError, match="node two:5552 cannot be reached, neither there nor through broker:5552"):
        known.found("log", TWO)
    assert network.left_open == []
    network.asked.clear()
    with pytest.raises(StreamLostError):
        known.connect(TWO)
    assert len(network.asked) <= 3, "the loop waits meanwhile"


def test_a_connection_that_was_not_used_for_long_is_not_used_any_more(
    network: Network, known: Leaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sends heartbeats on it: the broker has ended it, and what is in flight elsewhere would be lost with it."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(leaders, "time", SimpleNamespace(monotonic=lambda: clock.now))
    network.answers[TWO] = [TWO]
    known.found("log", TWO)
    clock.now += 11
    assert id(known.connect(TWO)) == id(network.opened[1])
    assert network.left_open == network.opened[1:]


def test_when_the_publisher_has_ended_everything_is_opened_anew(network: Network, known: Leaders) -> None:
    network.answers |= {ONE: [ONE], TWO: [TWO]}
    known.connected_to(ONE)
    known.found("log", TWO)
    known.forget()
    assert network.left_open == []
    known.found("log", ONE)
    known.found("other", TWO)
    assert network.asked == [TWO, ONE, TWO]
    assert known.of("log") == ONE


def test_a_broker_that_is_not_there_is_told_with_what_may_be_missing(known: Leaders) -> None:
    with pytest.raises(BrokerLostError, match=r"connection refused\. RABBITMQ_URL says .* plugin rabbitmq_stream"):
        known.entry_or_lost()


def test_of_two_connections_that_were_opened_at_once_one_is_kept(
    network: Network, known: Leaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.answers[TWO] = [TWO]
    both = threading.Barrier(2, timeout=10)

    def together(address: StreamAddress, **how: object) -> Conversation:
        both.wait()
        return network.connect(address, **how)

    monkeypatch.setattr(leaders, "Conversation", together)
    threads = [threading.Thread(target=known.found, args=(name, TWO)) for name in ("log", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(network.opened) == 2
    assert [id(known.connect(TWO))] == [id(each) for each in network.left_open]
