"""A process with a clock that is wrong by an hour: nothing is lost, doubled or reordered by it."""

import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from local.process import Process
from tests.chaos.clocks import MISSING, Clocks, library
from tests.chaos.small_scene import SmallScene
from tests.eventually import eventually

HOUR_S = 3600
NAME = "process"

TELL_THE_TIME = """
import pathlib, sys, threading, time
while not threading.Event().wait(0.05):
    new = pathlib.Path(sys.argv[1] + ".new")
    new.write_text(f"{time.time()} {time.monotonic()}")
    new.rename(sys.argv[1])
"""


@pytest.fixture
def clocks(tmp_path: Path) -> Iterator[Clocks]:
    clocks = Clocks(tmp_path / "clocks", library())
    if not clocks.can_be_set:
        pytest.skip(MISSING)
    yield clocks
    clocks.close()


def test_a_clock_is_set_back_under_a_process_that_runs_on(clocks: Clocks, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = clocks.command(NAME, [sys.executable, "-c", TELL_THE_TIME, str(told)])
    process = Process("teller", command, log_path=tmp_path / "teller.log", environment=dict(os.environ))
    process.start()

    def is_off_by(seconds: float) -> bool:
        wall, monotonic = map(float, told.read_text().split())
        assert abs(monotonic - time.monotonic()) < HOUR_S / 2, "time that only passes is left alone"
        return abs(wall - time.time() - seconds) < HOUR_S / 2

    try:
        eventually(told.exists, because="the process runs")
        for seconds in (0, -HOUR_S, 0, HOUR_S):
            clocks.put(NAME, seconds)
            eventually(partial(is_off_by, seconds), because=f"its clock is off by {seconds} s")
    finally:
        process.kill()


@pytest.mark.parametrize("seconds", [-HOUR_S, HOUR_S], ids=["set back", "ahead"])
def test_a_relay_and_a_consumer_work_on_with_a_clock_that_leaps(
    clocks: Clocks, scene: SmallScene, seconds: int
) -> None:
    scene.clocks = clocks
    processes = scene.start_relay(), scene.start_consumer()
    with scene.writer() as writer, scene.post() as post:
        for round_, off in enumerate((0, seconds, 0)):
            for process in processes:
                clocks.put(process.name, off)
            writer.write("bed-1", 3)
            scene.told(post, "patient-1", *range(3 * round_ + 1, 3 * round_ + 4))
            eventually(lambda: scene.waiting() == 0 and scene.has_read(), because="everything flows", within_s=20)
    assert scene.findings() == []
