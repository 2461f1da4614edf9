"""What many threads put on record goes together, and whoever waits hears what has become of it."""

import threading
from collections.abc import Sequence

import pytest

from infirmary.access.group import Closed, GroupWriter

SOON_S = 10


class Slow:
    """Writes when it is let, and remembers what was written together."""

    def __init__(self) -> None:
        self.written: list[list[int]] = []
        self.begun, self.may_go_on = threading.Semaphore(0), threading.Semaphore(0)

    def write(self, some: Sequence[int]) -> None:
        self.begun.release()
        assert self.may_go_on.acquire(timeout=SOON_S)
        if 13 in some:
            raise OSError("the database is away")
        self.written.append(list(some))


def test_one_that_comes_alone_is_written_at_once_and_what_comes_meanwhile_together() -> None:
    slow = Slow()
    writer = GroupWriter(slow.write, most=3)
    first = writer.add(1)
    assert slow.begun.acquire(timeout=SOON_S)
    others = [writer.add(number) for number in (2, 3, 4, 5)]
    assert not first.done()
    slow.may_go_on.release(3)
    for each in (first, *others):
        each.result(SOON_S)
    assert slow.written == [[1], [2, 3, 4], [5]]
    writer.close()


def test_those_that_could_not_be_written_hear_of_it_and_later_ones_are_written() -> None:
    slow = Slow()
    slow.may_go_on.release(2)
    writer = GroupWriter(slow.write, most=1)
    with pytest.raises(OSError, match="away"):
        writer.add(13).result(SOON_S)
    writer.add(14).result(SOON_S)
    assert slow.written == [[14]]
    writer.close()


def test_closing_writes_what_was_taken_and_takes_nothing_more() -> None:
    slow = Slow()
    writer = GroupWriter(slow.write, most=10)
    taken = [writer.add(number) for number in (1, 2)]
    slow.may_go_on.release(2)
    writer.close()
    assert all(each.exception(0) is None for each in taken)
    with pytest.raises(Closed):
        writer.add(3).result(SOON_S)
