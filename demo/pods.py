"""The hospital's pods as a fault sees them, from a pod beside them that may delete pods: that of `helm test`."""

import time
from typing import Any, Self

import httpx

from demo.kill_targets import Killed
from local.own_pod import kubernetes

LOOK_EVERY_S = 0.2


class Pods:
    """Kubernetes' interface, as far as killing needs it."""

    def __init__(self, kubernetes: httpx.Client, namespace: str) -> None:
        """Prepares the view.

        Args:
            kubernetes: A client with Kubernetes' address and a token.
            namespace: Where the hospital is.
        """
        self._kubernetes, self._path = kubernetes, f"/api/v1/namespaces/{namespace}/pods"

    @classmethod
    def beside_us(cls) -> Self | None:
        """Returns the pods of the namespace in which this process runs; None outside of a cluster."""
        found = kubernetes()
        return None if found is None else cls(*found)

    def kill(self, name: str) -> Killed:
        """Deletes a pod without a grace period.

        Args:
            name: `<service>-<role>`.

        Raises:
            ProcessLookupError: There is none.
        """
        pods = self._pods(name)
        if not pods:
            raise ProcessLookupError(f"{name} has no pod")
        pod = str(pods[0]["metadata"]["name"])
        answer = self._kubernetes.request("DELETE", f"{self._path}/{pod}", json={"gracePeriodSeconds": 0})
        answer.raise_for_status()
        return Killed(name, f"pod {pod}", time.monotonic())

    def wait_until_back(self, killed: Killed, within_s: float = 60.0) -> float:
        """Waits until a pod has a successor that is ready; returns how long ago it was killed, in seconds.

        Raises:
            TimeoutError: It has none in time.
        """
        while not any(
            f"pod {pod['metadata']['name']}" != killed.who and _is_ready(pod) for pod in self._pods(killed.name)
        ):
            if time.monotonic() - killed.at > within_s:
                raise TimeoutError(f"{killed.name} was killed and is not back after {within_s:.0f} s")
            time.sleep(LOOK_EVERY_S)
        return time.monotonic() - killed.at

    def _pods(self, name: str) -> list[dict[str, Any]]:
        service, _, role = name.rpartition("-")
        labels = f"app.kubernetes.io/name={service},app.kubernetes.io/component={role}"
        answer = self._kubernetes.get(self._path, params={"labelSelector": labels})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
