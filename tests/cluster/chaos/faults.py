"""What the nemesis can do to the hospital's pods."""

import signal
from collections.abc import Callable
from random import Random

from local.topology import SERVICES, Role
from tests.chaos.schedule import Kind
from tests.cluster.chaos.injury import Fault, InjuredProcess, Injury
from tests.cluster.cluster import Cluster

Strike = Callable[[Cluster, Random], Injury]


def _some_service(chance: Random, role: Role) -> str:
    return chance.choice([service.name for service in SERVICES if role in service.roles])


def _injured(cluster: Cluster, pod: str, service: str, role: str | None) -> InjuredProcess:
    return InjuredProcess(service, role, cluster.instance(pod))


def deletes(role: Role, *, by_force: bool) -> Strike:
    """Deletes a pod of this role."""

    def strike(cluster: Cluster, chance: Random) -> Injury:
        service = _some_service(chance, role)
        pod = cluster.pod_name(service, role)
        injury = Injury(pod, [_injured(cluster, pod, service, role)])
        cluster.delete_pod(pod, by_force=by_force)
        return injury

    return strike


def signals(role: Role, number: int) -> Strike:
    """Sends a signal to a process of this role inside its pod."""

    def strike(cluster: Cluster, chance: Random) -> Injury:
        service = _some_service(chance, role)
        pod = cluster.pod_name(service, role)
        injury = Injury(pod, [_injured(cluster, pod, service, role)])
        cluster.signal_process(pod, number)
        return injury

    return strike


def deletes_server(server: str) -> Strike:
    """Deletes a server's pod by force."""

    def strike(cluster: Cluster, _chance: Random) -> Injury:
        pod = cluster.pod_name(server)
        injury = Injury(pod, [_injured(cluster, pod, server, None)])
        cluster.delete_pod(pod, by_force=True)
        return injury

    return strike


def deletes_everything_of_a_service(cluster: Cluster, chance: Random) -> Injury:
    """Deletes the pods of all roles of a service by force, at once."""
    service = chance.choice(SERVICES)
    pods = {role: cluster.pod_name(service.name, role) for role in service.roles}
    injury = Injury(service.name, [_injured(cluster, pod, service.name, role) for role, pod in pods.items()])
    for pod in pods.values():
        cluster.delete_pod(pod, by_force=True)
    return injury


def drains(cluster: Cluster, chance: Random) -> Injury:
    """Cordons the node of a service's pods and evicts them; with one node they are away until it is uncordoned."""
    service = chance.choice(SERVICES)
    pods = {role: cluster.pod_name(service.name, role) for role in service.roles}
    node = cluster.node_of(pods[Role.API])
    here = {role: pod for role, pod in pods.items() if cluster.node_of(pod) == node}
    injured = [_injured(cluster, pod, service.name, role) for role, pod in here.items()]
    cluster.cordon(node)
    try:
        for pod in here.values():
            cluster.evict_pod(pod)
    except BaseException:
        cluster.uncordon(node)
        raise
    return Injury(f"{service.name}, from {node}", injured, heal=lambda: cluster.uncordon(node))


def _fault(name: str, touches: str, shortest_s: float, longest_s: float, strike: Strike) -> Fault:
    return Fault(Kind(name, frozenset(touches.split()), shortest_s, longest_s), strike)


FAULTS = (
    _fault("an API's pod is deleted by force", "api", 4, 8, deletes(Role.API, by_force=True)),
    _fault("a consumer's pod is deleted by force", "consumer", 4, 8, deletes(Role.CONSUMER, by_force=True)),
    _fault("a relay's pod is deleted by force", "relay", 4, 8, deletes(Role.RELAY, by_force=True)),
    _fault("an API's pod is deleted", "api", 8, 12, deletes(Role.API, by_force=False)),
    _fault("a consumer's pod is deleted", "consumer", 4, 8, deletes(Role.CONSUMER, by_force=False)),
    _fault("a relay's pod is deleted", "relay", 4, 8, deletes(Role.RELAY, by_force=False)),
    _fault("an API is killed in its pod", "api", 4, 8, signals(Role.API, signal.SIGKILL)),
    _fault("a consumer is killed in its pod", "consumer", 4, 8, signals(Role.CONSUMER, signal.SIGKILL)),
    _fault("a relay is killed in its pod", "relay", 4, 8, signals(Role.RELAY, signal.SIGKILL)),
    _fault("a consumer is frozen", "consumer", 20, 25, signals(Role.CONSUMER, signal.SIGSTOP)),
    _fault("a relay is frozen", "relay", 20, 25, signals(Role.RELAY, signal.SIGSTOP)),
    _fault("all of a service is deleted by force", "api consumer relay", 5, 10, deletes_everything_of_a_service),
    _fault("a service is drained (cordon, evict)", "api consumer relay node", 4, 10, drains),
    _fault("RabbitMQ's pod is deleted by force", "broker", 10, 15, deletes_server("rabbitmq")),
    _fault("PostgreSQL's pod is deleted by force", "database", 5, 10, deletes_server("postgresql")),
    _fault("MongoDB's pod is deleted by force", "database", 5, 10, deletes_server("mongodb")),
)
