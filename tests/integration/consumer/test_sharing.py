"""The parts of a log that was split: shared out among the readers that live, and found while it is read."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer import split_log
from infirmary.transport.envelope import partition_of
from infirmary.transport.log_names import home, part_name
from tests.eventually import eventually
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG
from tests.integration.consumer.publisher import Publisher, consuming

PARTS = [part_name(LOG, part) for part in range(8)]
COUNTERS = [f"counter-{number}" for number in range(24)]

patiently = partial(eventually, within_s=60.0)


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker where no part of the log exists."""
    publisher = Publisher(rabbitmq_url)
    publisher.delete(*PARTS)
    yield publisher
    publisher.delete(*PARTS)
    publisher.close()


@pytest.fixture
def counting(counting: Counting) -> Counting:
    """The counting service, none of whose processes reads yet."""
    counting.end_readers()
    return counting


def test_readers_share_the_parts_and_share_them_anew_when_one_joins_or_leaves(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.declare(*PARTS[:4])
    told = 0

    def all_is_applied() -> None:
        nonlocal told
        told += 1
        for counter in COUNTERS:
            publisher.tell(counter, told, log=PARTS[home(partition_of(counter), 4)])
        expected = {counter: list(range(1, told + 1)) for counter in COUNTERS}
        patiently(lambda: numbers(counting) == expected, because="each event is applied once, in order")

    with consuming(counting, rabbitmq_url, LOG):
        patiently(lambda: counting.shares() == [4], because="one reader reads all parts")
        all_is_applied()
        with ExitStack() as others:
            others.enter_context(consuming(counting, rabbitmq_url, LOG))
            patiently(lambda: counting.shares() == [2, 2], because="two readers read two parts each")
            all_is_applied()
            others.enter_context(consuming(counting, rabbitmq_url, LOG))
            patiently(lambda: counting.shares() == [1, 1, 2], because="the third gets a part")
            all_is_applied()
        patiently(lambda: counting.shares() == [4], because="the one that is left reads all parts")
        all_is_applied()
    assert counting.held() == []


def test_a_part_that_events_tell_of_is_found_and_begun_when_the_one_before_has_been_read(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.declare(*PARTS[:2])
    had_been_early = early(PARTS[1])
    moved = [counter for counter in COUNTERS if home(partition_of(counter), 2) == 1]
    for counter in moved:
        publisher.tell(counter, *range(1, 51))
    for counter in moved:
        publisher.tell(counter, 51, 52, log=PARTS[1])
    publisher.tell("last", 1, parts=2)
    with consuming(counting, rabbitmq_url, LOG), consuming(counting, rabbitmq_url, LOG):
        patiently(lambda: counting.shares() == [1, 1], because="two readers read a part each")
        expected = {counter: list(range(1, 53)) if counter in moved else [] for counter in COUNTERS}
        patiently(lambda: numbers(counting) == expected, because="both parts are applied, in order")
    assert early(PARTS[1]) == had_been_early, "nothing had to wait"


def test_parts_are_read_that_appear_before_their_neighbours(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No event tells of them, and part 0 is not even there: so does a relay leave it that dies while it declares."""
    for pause_s in ("LOOK_AGAIN_S", "LOOK_AGAIN_AT_A_PRICE_S"):
        monkeypatch.setattr(split_log, pause_s, 1.0)
    told: set[str] = set()

    def appears(part: int) -> None:
        publisher.declare(part_name(LOG, part))
        here = [each for each in COUNTERS if home(partition_of(each), 8) == part]
        assert here
        told.update(here)
        for counter in here:
            publisher.tell(counter, 1, log=part_name(LOG, part))

    def all_is_applied() -> bool:
        return numbers(counting) == {each: [1] if each in told else [] for each in COUNTERS}

    appears(3)
    with consuming(counting, rabbitmq_url, LOG):
        for part in (6, 1, 0, 7):
            patiently(all_is_applied, because=f"all is read before part {part} is there")
            appears(part)
        patiently(all_is_applied, because="part 7 is read, too")


def early(log: str) -> float:
    return REGISTRY.get_sample_value("infirmary_messages_early_total", {"channel": log}) or 0.0


def numbers(counting: Counting) -> dict[str, list[int]]:
    """Returns what was applied for each counter, in the order in which it was applied."""
    return {counter: counting.numbers(counter) for counter in COUNTERS}
