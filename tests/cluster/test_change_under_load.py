"""Versions and sizes change while people work, and nobody notices."""

import time

import pytest

from demo.client import Hospital
from local.topology import SERVICES, Role
from tests.cluster.cluster import Cluster, helm
from tests.cluster.load import ASKED, Load


def upgrade(service: str, **settings: str) -> None:
    """Gives a service other settings, and so other pods, migration included; returns when they are ready."""
    values = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    helm("upgrade", service, "charts/service", "--reuse-values", "--wait", "--timeout", "4m", *values)


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_a_rolling_upgrade_fails_no_request(
    cluster: Cluster, env: dict[str, str], audited: Hospital, service: str
) -> None:
    before = {pod.metadata.name for pod in cluster.pods(service, "api")}
    with Load(env) as load:
        upgrade(service, **{"settings.UPGRADED_AT": f"at-{time.time():.0f}"})
        cluster.wait_until_ready()
    assert not before & {pod.metadata.name for pod in cluster.pods(service, "api")}
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
