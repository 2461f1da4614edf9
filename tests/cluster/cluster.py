"""A cluster with the hospital in it, as a test looks at it and interferes with it."""

import base64
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config
from kubernetes.stream import stream

from tests.eventually import eventually

NAMESPACE = "infirmary"
READY_WITHIN_S = 240.0
RUN_WITHIN_S = 30.0

# As process 1 of its container, or under a shell, or beside the pause container of its pod: found by its command line.
# Of an API's two processes the first one is meant, which has started the other.
_SIGNAL = """
import os, pathlib, sys
for each in sorted(pathlib.Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
    words = (each / "cmdline").read_bytes().split(b"\\0")
    if int(each.name) != os.getpid() and b"-m" in words and words[0].endswith(b"python"):
        os.kill(int(each.name), int(sys.argv[1]))
        break
else:
    print("nobody")
"""


_CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
print("connected")
"""


@dataclass(frozen=True, slots=True)
class Instance:
    """One life of a container: its successor is in another pod, or has been started once more in the same one."""

    pod_uid: str
    restarts: int


class Cluster:
    """The namespace of the hospital, through Kubernetes' API."""

    def __init__(self) -> None:
        config.load_kube_config()  # type: ignore[no-untyped-call, unused-ignore]
        # Its types call everything optional, also what a pod that exists always has.
        self._api: Any = client.ApiClient()
        self.core: Any = client.CoreV1Api(self._api)
        self._apps: Any = client.AppsV1Api(self._api)

    def close(self) -> None:
        """Ends the connections to Kubernetes."""
        self._api.rest_client.pool_manager.clear()

    def pods(self, service: str, role: str | None = None) -> list[Any]:
        """Returns the pods of a service or server that are not about to end; those of one role only if it is given."""
        selector = f"app.kubernetes.io/name={service}" + (f",app.kubernetes.io/component={role}" if role else "")
        found = self.core.list_namespaced_pod(NAMESPACE, label_selector=selector).items
        return [pod for pod in found if pod.metadata.deletion_timestamp is None]

    def pod_name(self, service: str, role: str | None = None) -> str:
        """Returns the name of one of these pods.

        Raises:
            LookupError: There is none.
        """
        for pod in self.pods(service, role):
            return str(pod.metadata.name)
        raise LookupError(f"{service} {role or ''} has no pod")

    def instance(self, pod: str) -> Instance:
        """Returns the present life of a pod's container."""
        return _instance(self.core.read_namespaced_pod(pod, NAMESPACE))

    def ready_instances(self, service: str, role: str | None = None) -> set[Instance]:
        """Returns those of a service or server that are ready; none at all while one of its pods is not."""
        pods = self.pods(service, role)
        return {_instance(pod) for pod in pods} if all(map(_is_ready, pods)) else set()

    def image(self, service: str, role: str) -> str:
        """Returns the image of which a process's pods are made."""
        deployment = self._apps.read_namespaced_deployment(f"{service}-{role}", NAMESPACE)
        return str(deployment.spec.template.spec.containers[0].image)

    def node_of(self, pod: str) -> str:
        """Returns the name of the node on which a pod runs."""
        return str(self.core.read_namespaced_pod(pod, NAMESPACE).spec.node_name)

    def cordon(self, node: str) -> None:
        """Lets no further pods onto a node."""
        self.core.patch_node(node, {"spec": {"unschedulable": True}})

    def uncordon(self, node: str) -> None:
        """Lets pods onto the node again."""
        self.core.patch_node(node, {"spec": {"unschedulable": False}})

    def delete_pod(self, name: str, *, by_force: bool = False) -> None:
        """Deletes a pod; by force, nothing in it can end well, and its successor may start before it has ended."""
        self.core.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0 if by_force else None)

    def evict_pod(self, name: str) -> None:
        """Has a pod removed as the draining of its node does, with regard to its disruption budget."""
        eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=name, namespace=NAMESPACE))
        self.core.create_namespaced_pod_eviction(name, NAMESPACE, eviction)

    def signal_process(self, pod: str, number: int) -> None:
        """Sends a signal to the service's process inside a pod.

        Raises:
            LookupError: It does not run just now.
        """
        if self.run_in(pod, "python", "-c", _SIGNAL, str(number)).strip() == "nobody":
            raise LookupError(f"{pod} has no process of the service")

    def run_in(self, pod: str, *command: str) -> str:
        """Runs a command in a pod's container and returns what it prints, errors included."""
        # What is left to the library to read and close, it does not close when the pod dies under it.
        session = stream(
            self.core.connect_get_namespaced_pod_exec,
            pod,
            NAMESPACE,
            command=list(command),
            stderr=True,
            stdout=True,
            stdin=False,
            tty=False,
            _preload_content=False,
        )
        try:
            session.run_forever(timeout=RUN_WITHIN_S)
            return str(session.read_all())
        finally:
            session.close()

    def reaches(self, pod: str, host: str, port: int) -> bool:
        """Says whether a process in a pod can connect to a server."""
        return "connected" in self.run_in(pod, "python", "-c", _CONNECT, host, str(port)).split()

    def scale(self, service: str, role: str, replicas: int) -> None:
        """Changes the number of pods and waits until they are ready."""
        scale = {"spec": {"replicas": replicas}}
        self._apps.patch_namespaced_deployment_scale(f"{service}-{role}", NAMESPACE, scale)
        eventually(
            lambda: len(self.pods(service, role)) == replicas and self.is_ready(),
            because=f"{service}-{role} has {replicas} pods",
            within_s=READY_WITHIN_S,
        )

    def is_ready(self) -> bool:
        """Says whether every Deployment and StatefulSet has all its pods, in their newest version and ready."""
        return not self.unready()

    def unready(self) -> list[str]:
        """Returns the names of those that have not."""
        deployments = self._apps.list_namespaced_deployment(NAMESPACE).items
        servers = self._apps.list_namespaced_stateful_set(NAMESPACE).items
        return [each.metadata.name for each in (*deployments, *servers) if not _is_complete(each)]

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Waits until everything is ready.

        Raises:
            AssertionError: It is not in time.
        """
        eventually(self.is_ready, because="all pods are ready", within_s=within_s)

    def restarts(self) -> Mapping[str, int]:
        """Returns how often each pod's container was started again, of those where that happened."""
        counts = {
            pod.metadata.name: sum(status.restart_count for status in pod.status.container_statuses or [])
            for pod in self.core.list_namespaced_pod(NAMESPACE).items
        }
        return {name: count for name, count in counts.items() if count}

    def secret(self, name: str) -> dict[str, str]:
        """Returns the contents of a Secret."""
        data = self.core.read_namespaced_secret(name, NAMESPACE).data
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def authority(self) -> str | None:
        """Returns the certificate to trust, as PEM; None if the servers and the APIs speak no TLS."""
        if not self.secret("rabbitmq-administrator")["url"].startswith("amqps:"):
            return None
        return self.secret("hospital-authority")["ca.crt"]

    def node_port(self, service: str) -> int:
        """Returns the port of every node at which a Service answers."""
        return int(self.core.read_namespaced_service(service, NAMESPACE).spec.ports[0].node_port)


def helm(*arguments: str) -> str:
    """Runs helm in the hospital's namespace and returns what it prints.

    Raises:
        AssertionError: It failed; the text holds all that it printed, of `helm test` the day's own account.
    """
    done = subprocess.run(["helm", "--namespace", NAMESPACE, *arguments], check=False, text=True, capture_output=True)
    if done.returncode != 0:
        told = f"{done.stdout}\n{done.stderr}"
        raise AssertionError(f"helm {' '.join(arguments)} ended with {done.returncode}:\n{told}")
    return done.stdout


def _instance(pod: Any) -> Instance:
    return Instance(pod.metadata.uid, sum(status.restart_count for status in pod.status.container_statuses or []))


def _is_ready(pod: Any) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or [])


def _is_complete(workload: Any) -> bool:
    status, wanted = workload.status, workload.spec.replicas
    return bool(
        status.observed_generation == workload.metadata.generation
        and (status.updated_replicas or 0) == wanted
        and (status.ready_replicas or 0) == wanted
        and (status.replicas or 0) == wanted
    )
