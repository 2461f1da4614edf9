"""Three releases, each with another version of a saga, at work at once on real servers, rolled forward and back.

Pods are killed while stays of all versions are under way. Every stay ends by the version that it began with, and what
it has done stands there once, or is undone.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.conftest import EmptyDatabase
from tests.integration.upgrades.hotel import Hotel
from tests.integration.upgrades.pod import UNLUCKY

FIRST, SECOND, THIRD = (1,), (1, 2), (1, 2, 3)
"""The releases, by the versions that they know."""

STAYS = 12
"""So many of each release at a time."""


@pytest.fixture
def hotel(empty_database: EmptyDatabase, rabbitmq_url: str, stream_port: int, tmp_path: Path) -> Iterator[Hotel]:
    hotel = Hotel(empty_database(), empty_database(), rabbitmq_url, stream_port, tmp_path)
    yield hotel
    hotel.close()


def people_come(hotel: Hotel, *releases: tuple[int, ...]) -> None:
    """Begins stays through APIs of these releases in turns; one in four cannot be paid for."""
    for number in range(STAYS):
        for release in releases:
            hotel.begin(*release, nights=UNLUCKY if number % 4 == 0 else 2)


def some_have_ended(hotel: Hotel, version: int, at_least: int) -> None:
    def ended() -> bool:
        statuses = hotel.statuses()
        return sum(statuses.get((version, status), 0) for status in ("completed", "failed")) >= at_least

    eventually(ended, because=f"{at_least} stays of version {version} have ended", within_s=180)


def test_every_stay_ends_by_its_own_version_while_releases_come_and_go(hotel: Hotel) -> None:
    hotel.start_pod(*FIRST)
    people_come(hotel, FIRST)
    some_have_ended(hotel, version=1, at_least=1)

    hotel.start_pod(*SECOND)  # forward, beside the release before
    people_come(hotel, FIRST, SECOND)
    some_have_ended(hotel, version=2, at_least=1)

    hotel.start_pod(*THIRD)  # and once more; all three are at work
    people_come(hotel, FIRST, SECOND, THIRD)
    some_have_ended(hotel, version=3, at_least=1)

    people_come(hotel, THIRD)
    hotel.kill_pods(*THIRD)  # back, in the middle of it, while an API of it still answers
    people_come(hotel, FIRST, SECOND, THIRD)
    hotel.kill_pods(*SECOND)
    hotel.start_pod(*SECOND)
    eventually(lambda: hotel.under_way(1, 2) == 0, because="stays of the versions before end", within_s=240)
    assert hotel.under_way(3) >= STAYS, "they wait for the release that knows their version"

    hotel.start_pod(*THIRD)  # forward again, with the others still there
    hotel.kill_pods(*FIRST)
    hotel.start_pod(*FIRST)
    people_come(hotel, FIRST, SECOND, THIRD)
    eventually(lambda: hotel.under_way(1, 2, 3) == 0, because="every stay ends", within_s=300)
    assert hotel.wrongly_done() == []
    assert hotel.wrongly_asked() == []
    assert {status for _, status in hotel.statuses()} == {"completed", "failed"}
