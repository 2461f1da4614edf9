"""A whole drill on a hospital of its own: people work, and databases are set back: one, then each, then a server."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from audit.collector import Collector
from demo.client import Hospital
from local.hospital import running_hospital
from local.topology import SERVICES
from tests.drill.drill import SILENT, Drill, Say
from tests.drill.machinery import Means
from tests.drill.one_machine import OneMachine


def run(folder: Path, seed: int, seconds: float, say: Say) -> list[str]:
    """Plays the drill of a seed. Returns what does not hold, in words; nothing when all is as it was.

    Args:
        folder: Where the hospital lives, and its backups.
        seed: Decides who does what, when a backup is taken, and which database is set back alone.
        seconds: For how long people work before each set-back.
        say: Tells a person how far it is.
    """
    with (
        running_hospital(folder / "hospital", announce=say) as machinery,
        Hospital(machinery.env) as hospital,
        Collector(machinery.env) as collector,
    ):
        machine = OneMachine(machinery, folder)
        drill = Drill(machine, hospital, collector, seed, say)
        one_then_each(drill, machine.each_by_itself(), seed, seconds)
        if at_once := machine.servers_at_once():
            drill.work(seconds, at_once)
            drill.work(seconds)
            drill.set_back(SERVICES)
        return drill.found


def one_then_each(drill: Drill, means: Sequence[Means], seed: int, seconds: float) -> None:
    """Plays the part in which one database is set back alone, and then each to a moment of its own.

    Args:
        drill: What it is played in.
        means: Of a backup for each database.
        seed: Decides which one is the first.
        seconds: For how long people work before each set-back, and after a backup at least.
    """
    drill.work(seconds, means)
    drill.work(seconds)
    drill.set_back(
        [Random(seed).choice([service for service in SERVICES if service.has_relay and service.name not in SILENT])]
    )
    drill.work(seconds)
    drill.set_back(SERVICES)
