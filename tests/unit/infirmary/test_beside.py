"""What is done beside the work takes turns on one thread, and what fails or takes long keeps nothing else waiting."""

import threading
import time
from collections.abc import Iterator

import pytest

from infirmary.beside import Beside, Round
from tests.eventually import eventually


class Long:
    """A round of very many pieces, each of which takes some time."""

    def __init__(self, piece_s: float) -> None:
        self.piece_s, self.done, self.closed = piece_s, 0, threading.Event()

    def __call__(self) -> Iterator[None]:
        try:
            while True:
                threading.Event().wait(self.piece_s)
                self.done += 1
                yield
        finally:
            self.closed.set()


def test_a_round_without_end_lets_others_have_their_turns_and_takes_no_more_than_its_share() -> None:
    walk, looks, began = Long(0.02), list[float](), time.monotonic()

    def look() -> Iterator[None]:
        looks.append(time.monotonic())
        yield

    with Beside([Round("walk", walk, 60, first_s=0, share=0.1), Round("look", look, 0.05, first_s=0)]):
        eventually(lambda: walk.done >= 4 and len(looks) >= 4, because="both have their turns")
    assert walk.done * walk.piece_s <= 0.1 * (time.monotonic() - began) + 2 * walk.piece_s
    assert walk.closed.wait(1), "what it has open is closed"


def test_what_fails_is_told_once_and_tried_again_and_keeps_nothing_from_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried, others = list[int](), list[int]()

    def fails() -> Iterator[None]:
        tried.append(1)
        yield
        raise RuntimeError("the database is away")

    def goes_well() -> Iterator[None]:
        others.append(1)
        yield

    with Beside([Round("it is late", fails, 0.02), Round("other", goes_well, 0.02)]):
        eventually(lambda: len(tried) > 2 and len(others) > 2, because="both begin again")
    assert [each.getMessage() for each in caplog.records] == ["it is late: RuntimeError: the database is away"]


def test_nothing_to_do_is_done_without_a_fuss() -> None:
    Beside([]).close()
