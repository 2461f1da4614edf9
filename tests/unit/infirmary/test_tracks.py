"""Each thread writes the record of access under a track of its own, and none for too long."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from infirmary.access.records import MOST_IN_A_TRACK, TRACK_S, Tracks


def test_a_thread_keeps_its_track_and_another_has_another() -> None:
    tracks = Tracks()
    assert tracks.own() == tracks.own()
    with ThreadPoolExecutor(1) as other:
        assert other.submit(tracks.own).result() != tracks.own()


def test_a_track_ends_with_its_day() -> None:
    later = timedelta(0)
    tracks = Tracks(lambda: time.time() + later.total_seconds())
    first = tracks.own()
    later = timedelta(seconds=TRACK_S + 1)
    assert tracks.own() != first


def test_a_track_ends_when_it_has_as_many_notices_as_a_document_can_hold() -> None:
    tracks = Tracks()
    used = [tracks.own() for _ in range(MOST_IN_A_TRACK + 1)]
    assert (len(set(used[:-1])), used[-1] == used[0]) == (1, False)


def test_a_track_of_which_it_is_not_known_how_far_it_has_come_is_given_up() -> None:
    tracks = Tracks()
    first = tracks.own()
    tracks.give_up()
    assert tracks.own() != first
