"""Faults of clocks: one process's is wrong, those of all others and of the servers are right."""

from collections.abc import Iterator
from random import Random

from local.topology import SERVICES
from tests.chaos.clocks import MISSING
from tests.chaos.nemesis.fault import Family, NotNow
from tests.chaos.scene import OWN_CLOCKS, Scene

clock = Family("clock")

HOUR_S = 3600


@clock.fault("a clock is set back", touches={"clock"}, for_s=(4, 10))
def set_back(scene: Scene, chance: Random) -> Iterator[str]:
    """By an hour, under a process that runs on; what heals it is a leap forward."""
    yield from _wrong(scene, chance, -HOUR_S)


@clock.fault("a clock is ahead", touches={"clock"}, for_s=(4, 10))
def ahead(scene: Scene, chance: Random) -> Iterator[str]:
    """By an hour, and what heals it sets it back."""
    yield from _wrong(scene, chance, HOUR_S)


def _wrong(scene: Scene, chance: Random, seconds: int) -> Iterator[str]:
    if not scene.clocks.can_be_set:
        raise NotNow(MISSING)
    names = [f"{service.name}-{role}" for service in SERVICES if service.name in OWN_CLOCKS for role in service.roles]
    name = chance.choice(names)
    scene.clocks.put(name, seconds)
    yield f"of {name}"
    scene.clocks.put(name, 0)
