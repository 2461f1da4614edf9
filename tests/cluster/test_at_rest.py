"""What the hospital takes when nobody asks anything of it. First of all tests, while little has happened yet."""

import json
import subprocess

from tests.cluster.cluster import NAMESPACE, Cluster

GIB = 2**30


def memory_bytes(node: str) -> dict[str, int]:
    """Returns what each pod of the hospital on a node holds in memory, as its kubelet counts it against the limits."""
    told = subprocess.run(
        ["kubectl", "get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"],
        check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    return {
        pod["podRef"]["name"]: pod["memory"]["workingSetBytes"]
        for pod in json.loads(told)["pods"]
        if pod["podRef"]["namespace"] == NAMESPACE and "memory" in pod
    }


def test_the_hospital_takes_less_than_three_gib(cluster: Cluster) -> None:
    pods = [pod for pod in cluster.core.list_namespaced_pod(NAMESPACE).items if pod.status.phase == "Running"]
    taken: dict[str, int] = {}
    for node in {pod.spec.node_name for pod in pods}:
        taken |= memory_bytes(node)
    assert {pod.metadata.name for pod in pods} <= taken.keys()
    print(f"{sum(taken.values()) / GIB:.2f} GiB in {len(taken)} pods")
    assert sum(taken.values()) < 3 * GIB, taken


def test_no_container_had_to_be_started_again(cluster: Cluster) -> None:
    assert not {name: count for name, count in cluster.restarts().items() if not name.startswith("day-")}
