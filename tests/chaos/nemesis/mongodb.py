"""Faults of MongoDB."""

import signal
from collections.abc import Iterator
from random import Random

from tests.chaos.nemesis.fault import Family
from tests.chaos.scene import Scene

mongodb = Family("mongodb")


@mongodb.fault("MongoDB is killed", touches={"mongodb"}, for_s=(0.2, 4))
def killed(scene: Scene, _chance: Random) -> Iterator[str]:
    """SIGKILL: whatever was acknowledged with `j: true` is on the disk."""
    scene.mongodb.kill()
    yield "the server"
    scene.mongodb.start()


@mongodb.fault("MongoDB is frozen", touches={"mongodb"}, for_s=(2, 5))
def frozen(scene: Scene, _chance: Random) -> Iterator[str]:
    """SIGSTOP: nobody is told anything."""
    for process in scene.mongodb.processes:
        process.send(signal.SIGSTOP)
    yield "the server"
    for process in scene.mongodb.processes:
        process.send(signal.SIGCONT)
