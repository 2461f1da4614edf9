"""Faults of our own processes: killed, frozen, asked to end, and two where there should be one."""

import signal
from collections.abc import Iterator
from random import Random

from local.topology import Role
from tests.chaos.nemesis.fault import Family
from tests.chaos.scene import Scene

processes = Family("processes")


@processes.fault("an API is killed", touches={"apis"}, for_s=(0.5, 2))
def api_killed(scene: Scene, chance: Random) -> Iterator[str]:
    """SIGKILL, perhaps around a COMMIT; the supervisor starts it again."""
    yield _crash(scene, chance, Role.API)


@processes.fault("a relay is killed", touches={"relays"}, for_s=(0.5, 2))
def relay_killed(scene: Scene, chance: Random) -> Iterator[str]:
    """SIGKILL, with messages in flight."""
    yield _crash(scene, chance, Role.RELAY)


@processes.fault("a consumer is killed", touches={"consumers"}, for_s=(0.5, 2))
def consumer_killed(scene: Scene, chance: Random) -> Iterator[str]:
    """SIGKILL, with a batch in hand."""
    yield _crash(scene, chance, Role.CONSUMER)


@processes.fault("a relay is frozen", touches={"relays"}, for_s=(3, 9))
def relay_frozen(scene: Scene, chance: Random) -> Iterator[str]:
    """SIGSTOP; what it does after SIGCONT must harm nobody."""
    yield from _frozen(scene, chance, Role.RELAY)


@processes.fault("a consumer is frozen", touches={"consumers"}, for_s=(2, 7))
def consumer_frozen(scene: Scene, chance: Random) -> Iterator[str]:
    """SIGSTOP, longer than an idle transaction may last."""
    yield from _frozen(scene, chance, Role.CONSUMER)


@processes.fault("a rolling deployment", touches={"apis", "relays", "consumers"}, for_s=(2, 4))
def rolling_deployment(scene: Scene, chance: Random) -> Iterator[str]:
    """SIGTERM to everything of a service; each finishes what it has in hand and is started again."""
    service = scene.some_service(chance)
    for role in service.roles:
        scene.hospital.process(service.name, role).send(signal.SIGTERM)
    yield f"all of {service.name}"


@processes.fault("two relays at once", touches={"relays"}, for_s=(3, 6))
def two_relays(scene: Scene, chance: Random) -> Iterator[str]:
    """A second relay joins, takes its share, and leaves in good order."""
    service = scene.some_service(chance, Role.RELAY)
    second = scene.second_relay(service)
    second.start()
    yield service.name
    second.stop()


@processes.fault("another relay takes over from a frozen one", touches={"relays"}, for_s=(8, 11))
def owner_frozen(scene: Scene, chance: Random) -> Iterator[str]:
    """The owner of all partitions is frozen, a second relay puts it out after five seconds, then the owner wakes."""
    service = scene.some_service(chance, Role.RELAY)
    owner, heir = scene.hospital.process(service.name, Role.RELAY), scene.second_relay(service)
    owner.send(signal.SIGSTOP)
    heir.start()
    yield service.name
    owner.send(signal.SIGCONT)
    heir.stop()


def _crash(scene: Scene, chance: Random, role: Role) -> str:
    process = scene.some_process(chance, role)
    process.crash()
    return process.name


def _frozen(scene: Scene, chance: Random, role: Role) -> Iterator[str]:
    process = scene.some_process(chance, role)
    process.send(signal.SIGSTOP)
    yield process.name
    process.send(signal.SIGCONT)
