"""People work while pods die; then everything that design promises must hold: `make k8s-chaos`."""

import os
import signal
import time
from collections.abc import Callable
from random import Random

import pytest

from demo.client import Hospital
from local.topology import SERVICES, Role
from tests.chaos.client.people import People
from tests.chaos.schedule import Kind, schedule
from tests.cluster.cluster import Cluster

MINUTES = float(os.environ.get("CHAOS_MINUTES", "3"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))

Strike = Callable[[Cluster, Random], str]


def some_pod(cluster: Cluster, chance: Random, role: Role) -> str:
    """Returns the name of a pod of some service."""
    services = [service.name for service in SERVICES if role in service.roles]
    return cluster.pod_name(chance.choice(services), role.value)


def deletes(role: Role, *, by_force: bool) -> Strike:
    """Makes a fault: a pod of this role is deleted."""

    def strike(cluster: Cluster, chance: Random) -> str:
        pod = some_pod(cluster, chance, role)
        cluster.delete_pod(pod, by_force=by_force)
        return pod

    return strike


def signals(role: Role, number: int) -> Strike:
    """Makes a fault: a process of this role gets a signal inside its pod."""

    def strike(cluster: Cluster, chance: Random) -> str:
        pod = some_pod(cluster, chance, role)
        cluster.signal_process(pod, number)
        return pod

    return strike


def deletes_server(server: str) -> Strike:
    """Makes a fault: a server's pod is deleted by force."""

    def strike(cluster: Cluster, _chance: Random) -> str:
        cluster.delete_pod(f"{server}-0", by_force=True)
        return server

    return strike


def evicts(cluster: Cluster, chance: Random) -> str:
    """Removes a pod as the draining of its node would."""
    pod = some_pod(cluster, chance, chance.choice(list(Role)))
    cluster.evict_pod(pod)
    return pod


FAULTS: dict[Kind, Strike] = {
    Kind("an API's pod is deleted by force", frozenset({"api"}), 2, 8): deletes(Role.API, by_force=True),
    Kind("a consumer's pod is deleted by force", frozenset({"consumer"}), 2, 8): deletes(Role.CONSUMER, by_force=True),
    Kind("a relay's pod is deleted by force", frozenset({"relay"}), 2, 8): deletes(Role.RELAY, by_force=True),
    Kind("a relay's pod is deleted", frozenset({"relay"}), 2, 8): deletes(Role.RELAY, by_force=False),
    Kind("a consumer is killed in its pod", frozenset({"consumer"}), 2, 5): signals(Role.CONSUMER, signal.SIGKILL),
    Kind("a relay is killed in its pod", frozenset({"relay"}), 2, 5): signals(Role.RELAY, signal.SIGKILL),
    Kind("a relay is frozen", frozenset({"relay"}), 15, 30): signals(Role.RELAY, signal.SIGSTOP),
    Kind("RabbitMQ's pod is deleted by force", frozenset({"broker"}), 15, 25): deletes_server("rabbitmq"),
    Kind("PostgreSQL's pod is deleted by force", frozenset({"database"}), 10, 20): deletes_server("postgresql"),
    Kind("MongoDB's pod is deleted by force", frozenset({"database"}), 5, 15): deletes_server("mongodb"),
    Kind("a pod is evicted", frozenset({"eviction"}), 2, 8): evicts,
}


def play(cluster: Cluster, duration_s: float) -> list[str]:
    """Injects faults for a while; returns what was done."""
    began_at = time.monotonic()
    done = []
    for planned in schedule(SEED, duration_s, FAULTS):
        time.sleep(max(0.0, began_at + planned.at_s - time.monotonic()))
        try:
            victim = FAULTS[planned.fault](cluster, Random(planned.chance))
        except LookupError as nothing_there:
            victim = f"not injected: {nothing_there}"
        done.append(f"{planned.at_s:6.1f} s  {planned.fault.name}: {victim}")
        print(done[-1], flush=True)
    return done


@pytest.mark.timeout(MINUTES * 60 + 900)
def test_everything_holds_after_pods_have_died(cluster: Cluster, audited: Hospital) -> None:
    with People(audited, SEED) as people:
        done = play(cluster, MINUTES * 60)
    print(dict(people.operations))
    assert done
    assert not people.failures, people.failures
