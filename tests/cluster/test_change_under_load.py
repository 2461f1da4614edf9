"""Versions and sizes change while people work, and nobody notices."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.client import Hospital
from local.topology import SERVICES, Role
from tests.cluster.cluster import Cluster, helm
from tests.cluster.load import ASKED, Load

NAMES = [service.name for service in SERVICES]
THREE_AT_A_TIME = [NAMES[first : first + 3] for first in range(0, len(NAMES), 3)]
"""As skaffold does it."""


def upgrade(service: str, **settings: str) -> None:
    """Gives a service other values, and so other pods, migration included; returns when they are ready."""
    values = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    helm("upgrade", service, "charts/service", "--reuse-values", "--wait", "--timeout", "4m", *values)


@pytest.mark.parametrize("services", THREE_AT_A_TIME, ids=" ".join)
def test_a_rolling_upgrade_fails_no_request(
    cluster: Cluster, env: dict[str, str], audited: Hospital, services: Sequence[str]
) -> None:
    before = {pod.metadata.name for service in services for pod in cluster.pods(service)}
    settings = {"podAnnotations.upgraded": f"at-{time.time():.0f}"}
    with Load(env) as load, ThreadPoolExecutor(len(services)) as pool:
        for upgraded in [pool.submit(upgrade, service, **settings) for service in services]:
            upgraded.result()
        cluster.wait_until_ready()
    assert not before & {pod.metadata.name for service in services for pod in cluster.pods(service)}
    assert not load.failures, load.failures
    assert load.answered.keys() == ASKED


@pytest.mark.parametrize("service", ["prescription", "notification"])
def test_processes_become_three_and_one_again_under_load(
    cluster: Cluster, env: dict[str, str], audited: Hospital, service: str
) -> None:
    with Load(env) as load:
        for replicas in (3, 1):
            for role in (Role.RELAY, Role.CONSUMER, Role.API):
                cluster.scale(service, role.value, replicas)
    assert not load.failures, load.failures
