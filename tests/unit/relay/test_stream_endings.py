"""A connection that ends, or is of no use any more, ends the publisher, which says why."""

import time
from types import SimpleNamespace

import pytest

from infirmary_relay.broker.errors import BrokerLostError, PublishingRefusedError
from infirmary_relay.streams import publisher
from infirmary_streams import codes
from tests.unit.relay.scripted_link import ONE, TWO, Leaders, Link, opened, rows
from tests.unit.relay.stream_frames import close, confirms


@pytest.fixture
def leaders(monkeypatch: pytest.MonkeyPatch) -> Leaders:
    monkeypatch.setattr(publisher, "Link", Link)
    return Leaders()


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (codes.FRAME_TOO_LARGE, PublishingRefusedError),
        (codes.UNKNOWN_FRAME, PublishingRefusedError),
        (codes.OK, BrokerLostError),
    ],
)
def test_a_broker_that_closes_the_connection_says_why(
    leaders: Leaders, code: int, ending: type[BrokerLostError]
) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1))
    leaders.links[0].says.append(close(code, "enough"))
    with pytest.raises(BrokerLostError, match="enough") as caught:
        publishing.settled()
    assert type(caught.value) is ending
    assert publishing.in_flight() == rows(1)


@pytest.mark.parametrize(
    "said", [[confirms(1, [2])], [confirms(1, [1]), confirms(1, [1])], [b"\x00\x00\x00\x05\x00\x03\x00\x01\x01"]]
)
def test_what_a_broker_cannot_say_ends_the_connection(leaders: Leaders, said: list[bytes]) -> None:
    publishing = opened(leaders)
    publishing.publish(rows(1))
    assert leaders.links[0].declared[0][0] == 1
    leaders.links[0].says += said
    with pytest.raises(BrokerLostError):
        publishing.settled()


def test_a_connection_that_is_lost_ends_the_publisher(leaders: Leaders) -> None:
    publishing = opened(leaders)
    leaders.leader |= {"log": ONE, "other": TWO}
    publishing.publish(rows(1) + rows(2, target="other"))
    leaders.links[1].is_lost = True
    with pytest.raises(BrokerLostError, match="it is gone"):
        publishing.settled()
    with pytest.raises(BrokerLostError, match="it is gone"):
        publishing.publish(rows(3, target="other"))
    publishing.close()
    assert all(link.is_closed for link in leaders.links)
    assert leaders.is_forgotten


def test_a_log_of_which_nothing_is_said_is_held_back_while_others_are_confirmed(
    leaders: Leaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the broker says too late is passed over."""
    clock = SimpleNamespace(now=time.monotonic())
    monkeypatch.setattr(publisher, "time", SimpleNamespace(monotonic=lambda: clock.now))
    publishing = opened(leaders)
    publishing.publish(rows(1))
    assert publishing.settled() == []
    [link] = leaders.links
    late = confirms(link.id_of("log"), [1])
    for number in range(2, 32):
        clock.now += 1
        publishing.publish(rows(number, target="other"))
        link.says.append(confirms(link.id_of("other"), [number]))
        assert len(publishing.settled()) == 1
    clock.now += 1
    [window] = publishing.settled()
    assert (window.receipts().returned, window.wrong) == (rows(1), {"log": "no confirm came for 30 s"})
    publishing.publish(rows(1))
    link.says.append(late)
    assert publishing.settled() == []


def test_a_broker_that_says_nothing_of_any_message_is_given_up(
    leaders: Leaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=time.monotonic())
    monkeypatch.setattr(publisher, "time", SimpleNamespace(monotonic=lambda: clock.now))
    publishing = opened(leaders)
    publishing.publish(rows(1))
    assert publishing.settled() == []
    clock.now += 30
    assert publishing.settled() == []
    clock.now += 1
    with pytest.raises(BrokerLostError, match="no confirm came"):
        publishing.settled()


def test_an_idle_publisher_is_not_given_up(leaders: Leaders, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=time.monotonic())
    monkeypatch.setattr(publisher, "time", SimpleNamespace(monotonic=lambda: clock.now))
    publishing = opened(leaders)
    clock.now += 100
    assert publishing.settled() == []
    publishing.publish(rows(1))
    assert publishing.settled() == []
