"""Logs go one way and queues the other; to the loop they are one publisher."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.publisher import Waiting
from infirmary_relay.broker.routes import RoutedDeclarations, Routes
from infirmary_relay.confirms import Confirms
from infirmary_relay.message import Row
from infirmary_relay.window import Window

LOG, PART, QUEUE = "ward.events", "ward.events.3", "lab.inbox"


class Way:
    """A publisher that notes what it is given."""

    def __init__(self, descriptor: int) -> None:
        self.known_targets: set[str] = set()
        self.blocked: str | None = None
        self.waiting = Waiting([descriptor], [descriptor])
        self.confirms = Confirms()
        self.is_closed = False

    def has_room(self, windows: int) -> bool:
        return len(self.confirms) < windows

    def in_flight(self) -> list[Row]:
        return self.confirms.rows()

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        self.confirms.publish(rows[1:])
        return [(row, "unfit") for row in rows[:1]]

    def settled(self, may_end: Callable[[Window], bool]) -> list[Window]:
        return self.confirms.settled(may_end)

    def close(self) -> None:
        self.is_closed = True


def row(number: int, target: str) -> Row:
    return (number, target, "s", b"", b"", b"")


@pytest.fixture
def ways() -> tuple[Way, Way, Routes]:
    logs, queues = Way(1), Way(2)
    return logs, queues, Routes(logs, lambda: queues)


def test_what_goes_to_logs_only_needs_no_other_way() -> None:
    logs = Way(1)
    routes = Routes(logs, lambda: pytest.fail("nobody needs it"))
    batch = [row(1, LOG), row(2, PART), row(3, "ward.to.lab")]
    assert routes.publish(batch) == [(batch[0], "unfit")]
    assert routes.in_flight() == batch[1:]
    assert routes.waiting == ([1], [1])


def test_each_message_goes_its_way_and_what_is_unfit_is_told_of_both(ways: tuple[Way, Way, Routes]) -> None:
    logs, queues, routes = ways
    batch = [row(1, LOG), row(2, QUEUE), row(3, LOG), row(4, QUEUE), row(5, PART)]
    assert routes.publish(batch) == [(batch[0], "unfit"), (batch[1], "unfit")]
    assert (logs.in_flight(), queues.in_flight()) == ([batch[2], batch[4]], [batch[3]])
    assert sorted(each[0] for each in routes.in_flight()) == [3, 4, 5]
    assert routes.waiting == ([1, 2], [1, 2])


def test_both_ways_are_heard_and_both_must_have_room(ways: tuple[Way, Way, Routes]) -> None:
    logs, queues, routes = ways
    routes.publish([row(1, LOG), row(2, QUEUE), row(3, LOG), row(4, QUEUE)])
    assert not routes.has_room(1)
    queues.confirms.run_confirmed(1, 1)
    assert [window.receipts().confirmed for window in routes.settled(lambda _: True)] == [[4]]
    assert not routes.has_room(1)
    logs.confirms.run_confirmed(1, 1)
    assert [window.receipts().confirmed for window in routes.settled(lambda _: True)] == [[3]]
    assert routes.has_room(1)


def test_either_way_may_be_blocked(ways: tuple[Way, Way, Routes]) -> None:
    logs, queues, routes = ways
    routes.publish([row(1, QUEUE)])
    assert not routes.blocked
    queues.blocked = "low on memory"
    assert str(routes.blocked) == "low on memory"
    routes.close()
    assert logs.is_closed
    assert queues.is_closed


def test_a_way_that_is_blocked_leaves_room_on_the_other(ways: tuple[Way, Way, Routes]) -> None:
    logs, queues, routes = ways
    routes.publish([row(1, QUEUE), row(2, QUEUE)])
    routes.settled(lambda _: True)
    assert not routes.has_room(1)
    queues.blocked = "low on memory"
    assert routes.has_room(1)
    logs.publish([row(3, LOG), row(4, LOG)])
    assert not routes.has_room(1)


def test_targets_that_are_known_are_those_of_both(ways: tuple[Way, Way, Routes]) -> None:
    logs, _, routes = ways
    logs.known_targets.add(LOG)
    routes.known_targets.add(QUEUE)
    logs.known_targets.discard(LOG)
    assert routes.known_targets == {QUEUE}


def test_nothing_goes_to_logs_when_the_way_of_the_same_batchs_queues_cannot_be_opened() -> None:
    """It would be sent again with each try, for as long as that lasts."""

    def refused() -> Any:
        raise BrokerLostError("no more connections")

    logs = Way(1)
    routes = Routes(logs, refused)
    with pytest.raises(BrokerLostError):
        routes.publish([row(1, LOG), row(2, LOG), row(3, QUEUE)])
    assert routes.in_flight() == []


class Declares:
    """Says of each target what it was told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_closed = False

    def declare(self, target: str) -> str | None:
        self.asked.append(target)
        return None

    def close(self) -> None:
        self.is_closed = True


def test_each_target_is_declared_on_its_way_and_each_way_is_opened_once_when_it_is_needed() -> None:
    opened: list[tuple[str, Declares]] = []

    def opening(name: str) -> Callable[[], Declares]:
        def open_one() -> Declares:
            opened.append((name, Declares()))
            return opened[-1][1]

        return open_one

    declarations = RoutedDeclarations(opening("logs"), opening("queues"))
    declarations.declare(LOG)
    declarations.declare(PART)
    assert [name for name, _ in opened] == ["logs"]
    declarations.declare(QUEUE)
    assert [(name, each.asked) for name, each in opened] == [("logs", [LOG, PART]), ("queues", [QUEUE])]
    declarations.close()
    assert all(each.is_closed for _, each in opened)
