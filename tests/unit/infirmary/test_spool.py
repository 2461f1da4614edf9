"""A spool holds what it has taken until it is told, and whoever opens it next finds all of that in it."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from infirmary.access.spool import SMALLEST_BYTES, Spool, left_in

lines = st.binary(max_size=2000).map(lambda some: some.replace(b"\n", b""))


@settings(max_examples=50, stateful_step_count=40)
class SpoolOfTwoLists(RuleBasedStateMachine):
    """Holds a spool against two lists: what was taken to be told, and what has come since."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["SPOOL_FOLDER"])
        self.spool = Spool.new(self.folder, SMALLEST_BYTES)
        self.told: list[bytes] = []
        self.come: list[bytes] = []

    @rule(line=lines)
    def append(self, line: bytes) -> None:
        fits = 8 + sum(len(each) + 1 for each in [*self.come, line]) <= SMALLEST_BYTES // 2
        assert self.spool.append(line) is fits
        if fits:
            self.come.append(line)

    @rule()
    def take(self) -> None:
        if not self.told:
            self.told, self.come = self.come, []
        assert self.spool.take() == self.told

    @rule()
    def settle(self) -> None:
        self.spool.settle()
        self.told = []

    @rule()
    def give_up_and_be_found(self) -> None:
        self.spool.close()
        found = list(left_in(self.folder))
        assert len(found) == bool(self.told or self.come)
        held: list[bytes] = []
        for spool in found:
            while some := spool.take():
                held += some
                spool.settle()
            spool.close()
        assert sorted(held) == sorted([*self.told, *self.come])
        assert list(self.folder.iterdir()) == []
        self.spool, self.told, self.come = Spool.new(self.folder, SMALLEST_BYTES), [], []

    @invariant()
    def nobody_else_finds_it(self) -> None:
        assert list(left_in(self.folder)) == []

    def teardown(self) -> None:
        while self.spool.take():
            self.spool.settle()
        self.spool.close()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOOL_FOLDER", str(tmp_path))


TestSpool = SpoolOfTwoLists.TestCase


@given(st.lists(lines, max_size=20), st.integers(0, 5))
def test_what_a_killed_process_has_taken_is_found(taken: list[bytes], told: int) -> None:
    folder = Path(os.environ["SPOOL_FOLDER"])
    child = os.fork()
    if child == 0:
        spool = Spool.new(folder, SMALLEST_BYTES)
        for line in taken[:told]:
            spool.append(line)
        spool.take()
        for line in taken[told:]:
            spool.append(line)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    held: list[bytes] = []
    for spool in left_in(folder):
        while some := spool.take():
            held += some
            spool.settle()
        spool.close()
    assert sorted(held) == sorted(taken)


def test_where_there_is_no_room_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        Spool.new(tmp_path, 2**62)
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_process_was_killed_while_it_made_it_is_removed(tmp_path: Path) -> None:
    (tmp_path / "half-made.accesses").touch()
    assert list(left_in(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
