"""The faults that there are, and what is said of one that cannot be made on this machine."""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest

from tests.chaos.clocks import Clocks
from tests.chaos.nemesis.catalogue import chosen
from tests.chaos.nemesis.fault import Fault, NotNow
from tests.chaos.scene import Scene


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [fault.kind.name for fault in chosen()]
    assert len(names) == len(set(names))


def test_a_family_or_a_word_chooses_its_faults() -> None:
    assert {fault.family for fault in chosen(["clock"])} == {"clock"}
    assert {fault.kind.name for fault in chosen(["half open"])} == {
        "the network before RabbitMQ is half open",
        "the network before PostgreSQL is half open",
    }
    with pytest.raises(LookupError, match="no fault is called 'fire'"):
        chosen(["fire"])


def test_what_is_healed_by_parking_is_never_in_force_while_nothing_can_be_parked() -> None:
    cut_off = [fault for fault in chosen() if fault.kind.touches & {"postgres", "broker", "consumers"}]
    for poison in chosen(["poisoned"]):
        assert all(poison.kind.touches & fault.kind.touches for fault in cut_off)


@pytest.mark.parametrize("fault", chosen(["clock"]), ids=lambda fault: fault.kind.name)
def test_without_libfaketime_a_clock_is_not_set_and_the_report_says_why(tmp_path: Path, fault: Fault) -> None:
    scene = cast("Scene", SimpleNamespace(clocks=Clocks(tmp_path, library=None)))
    with pytest.raises(NotNow, match=r"libfaketime is missing \(apt-get install libfaketime\)"):
        next(fault.strike(scene, Random(1)))


def test_without_libfaketime_a_process_runs_as_it_would_without(tmp_path: Path) -> None:
    assert Clocks(tmp_path, library=None).command("ward-api", ["python", "-m", "services"]) == [
        "python", "-m", "services",
    ]  # fmt: skip
