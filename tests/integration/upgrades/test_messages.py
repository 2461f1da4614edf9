"""What docs/evolution.md tells to do when a message changes, done while guests come and both versions run."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from tests.eventually import eventually
from tests.integration.conftest import EmptyDatabase
from tests.integration.upgrades.guests import DESK, PUBLISHED
from tests.integration.upgrades.site import Site
from tests.integration.upgrades.stays import HOTEL

GUESTS = 20
"""So many of each release at a time."""


class Reception:
    """A hotel that tells of its guests, and the desk that notes where they are."""

    def __init__(self, hotel: Settings, desk: Settings, rabbitmq_url: str, stream_port: int, folder: Path) -> None:
        self._site = Site({HOTEL: hotel, DESK: desk}, [f"{HOTEL}.events"], rabbitmq_url, stream_port, folder)
        self._hotel, self._desk = self._site.databases[HOTEL], self._site.databases[DESK]
        self._desk.execute("CREATE TABLE guest (guest uuid PRIMARY KEY, floor int NOT NULL)")
        self._numbers, self._came = count(), dict[UUID, int]()

    def guests_come(self, *releases: int) -> None:
        """Guests come, of whom these releases of the hotel tell in turns."""
        for _ in range(GUESTS):
            for release in releases:
                guest, floor = new_id(), next(self._numbers) % 9 + 1
                with transaction(self._hotel, HOTEL, causation_of(None, None, None), False) as tx:
                    for event in PUBLISHED[release](guest, floor):
                        tx.publish(event)
                self._hotel.execute("NOTIFY outbox")
                self._came[guest] = floor

    def desk_runs(self, release: int) -> None:
        self._site.start(DESK, str(release))

    def desk_is_killed(self, release: int) -> None:
        self._site.kill(DESK, str(release))

    def desk_forgets(self) -> None:
        """Lets the desk's copy be made anew from the log."""
        self._desk.execute("TRUNCATE guest, log_reader, log_sequence")

    def all_are_noted(self) -> None:
        """Waits until the desk knows every guest's floor; nothing may be held then."""
        eventually(
            lambda: self._noted() == self._came, because="every guest is noted once, with the floor", within_s=180
        )
        assert self._desk.execute("SELECT type, error FROM parked_message").fetchall() == []

    def _noted(self) -> dict[UUID, int]:
        return dict(self._desk.execute("SELECT guest, floor FROM guest").fetchall())

    def close(self) -> None:
        self._site.close()


@pytest.fixture
def reception(
    empty_database: EmptyDatabase, rabbitmq_url: str, stream_port: int, tmp_path: Path
) -> Iterator[Reception]:
    reception = Reception(empty_database(), empty_database(), rabbitmq_url, stream_port, tmp_path)
    yield reception
    reception.close()


def test_a_new_field_is_needed_at_once_by_a_reader_that_lifts_what_lacks_it(reception: Reception) -> None:
    reception.desk_runs(1)
    reception.guests_come(1)
    reception.all_are_noted()
    reception.guests_come(1, 2)  # the publisher first: both of its releases are at work

    reception.desk_runs(2)  # then the reader: whichever of both reads the log
    reception.guests_come(1, 2)
    reception.desk_is_killed(1)
    reception.guests_come(1, 2)
    reception.all_are_noted()

    reception.desk_runs(1)  # back, and forward again
    reception.desk_is_killed(2)
    reception.guests_come(1, 2)
    reception.desk_runs(2)
    reception.desk_is_killed(1)
    reception.all_are_noted()

    reception.desk_is_killed(2)  # and from the log's beginning, where nothing has the field
    reception.desk_forgets()
    reception.desk_runs(2)
    reception.guests_come(2)
    reception.all_are_noted()


def test_a_type_is_retired_without_a_guest_being_lost_or_noted_twice(reception: Reception) -> None:
    reception.desk_runs(2)
    reception.guests_come(2)
    reception.all_are_noted()

    reception.guests_come(2, 3)  # the publisher tells both, beside its release before
    reception.desk_runs(3)  # readers take both
    reception.guests_come(2, 3)
    reception.desk_is_killed(2)
    reception.guests_come(3)
    reception.all_are_noted()

    reception.desk_runs(4)  # when no log keeps what was told by the old one alone, readers take the new one
    reception.guests_come(3)
    reception.desk_is_killed(3)
    reception.all_are_noted()
    reception.guests_come(3, 4)  # and the publisher tells the new one, beside its release before
    reception.all_are_noted()
