"""Pods die in the middle of the work, and what was promised holds afterwards."""

import signal
import time

import pytest

from demo.client import Hospital
from demo.entities import Prescription
from local.topology import Role
from tests.cluster.cluster import Cluster
from tests.eventually import eventually

BACK_WITHIN_S = 120.0
ROLES = [role.value for role in Role]


def prescribe_some(hospital: Hospital, count: int = 20) -> list[Prescription]:
    patient, medication = hospital.patient(), hospital.medication(boxes=10 * count)
    return [hospital.prescribe(patient, medication, 1, known_within_s=BACK_WITHIN_S) for _ in range(count)]


def all_decided(hospital: Hospital, prescriptions: list[Prescription]) -> None:
    for prescription in prescriptions:
        hospital.eventually(
            prescription.is_decided, because="inventory decides", within_s=BACK_WITHIN_S, look_every_s=0.2
        )


@pytest.mark.parametrize("service", ["prescription", "notification"])
def test_pods_deleted_by_force_lose_nothing(cluster: Cluster, audited: Hospital, service: str) -> None:
    for role in ROLES:
        prescriptions = prescribe_some(audited)
        cluster.delete_pod(cluster.pod_name(service, role), by_force=True)
        all_decided(audited, prescriptions + prescribe_some(audited))


def test_processes_killed_inside_their_pods_lose_nothing(cluster: Cluster, audited: Hospital) -> None:
    for role in ROLES:
        prescriptions = prescribe_some(audited)
        cluster.signal_process(cluster.pod_name("inventory", role), signal.SIGKILL)
        all_decided(audited, prescriptions + prescribe_some(audited))


@pytest.mark.parametrize("server", ["postgresql", "rabbitmq", "mongodb"])
@pytest.mark.parametrize("by_force", [False, True], ids=["orderly", "by force"])
def test_a_server_whose_pod_is_deleted_comes_back_with_everything(
    cluster: Cluster, audited: Hospital, server: str, by_force: bool
) -> None:
    prescriptions = prescribe_some(audited)
    before = cluster.pods(server)[0].metadata.uid
    cluster.delete_pod(cluster.pod_name(server), by_force=by_force)
    all_decided(audited, prescriptions + prescribe_some(audited))
    assert before not in [pod.metadata.uid for pod in cluster.pods(server)]


def test_a_frozen_relay_is_killed_and_another_moves_its_messages(cluster: Cluster, audited: Hospital) -> None:
    cluster.scale("prescription", "relay", 2)
    frozen = cluster.pod_name("prescription", "relay")
    began_at = time.monotonic()
    cluster.signal_process(frozen, signal.SIGSTOP)
    all_decided(audited, prescribe_some(audited))
    moved_after_s = time.monotonic() - began_at
    eventually(
        lambda: cluster.restarts().get(frozen), because="the kubelet ends the frozen process", within_s=BACK_WITHIN_S
    )
    assert moved_after_s < 30
    cluster.scale("prescription", "relay", 1)


def test_drained_pods_hand_over(cluster: Cluster, audited: Hospital) -> None:
    for role in ROLES:
        cluster.scale("billing", role, 2)
    for role in ROLES:
        cluster.evict_pod(cluster.pod_name("billing", role))
    all_decided(audited, prescribe_some(audited))
    cluster.wait_until_ready()
    for role in ROLES:
        cluster.scale("billing", role, 1)
