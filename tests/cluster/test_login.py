"""People and machines log in at a real provider, Keycloak, and a service on the cluster lets in whom it vouches for."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from audit.client import trusted
from tests.cluster.addresses import api
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.logging_in import PORTS, Provider
from tests.cluster.port_forward import PortForward
from tests.cluster.releases import changed
from tests.eventually import eventually

STARTS_WITHIN_S = 240.0
WARD = {"name": "Ward of those who log in", "beds": 1}


@pytest.fixture(scope="module")
def scheme(authority: Path | None) -> str:
    """How Keycloak is asked, as everybody else."""
    return "http" if authority is None else "https"


@pytest.fixture(scope="module")
def ward(cluster: Cluster, authority: Path | None, scheme: str) -> Iterator[str]:
    """The address of a ward's API that asks for Keycloak's tokens; all is as before when it has closed."""
    with ExitStack() as stack:
        stack.enter_context(changed("infra", "charts/infra", "--set", "keycloak.enabled=true"))
        # Beside Keycloak's start: an API that has no keys yet is ready and answers 503.
        told = ["--wait", "--set", f"identity.issuer={scheme}://keycloak:{PORTS[scheme]}/realms/hospital"]
        told += [] if authority is None else ["--set", "identity.ca.secret=hospital-authority"]
        stack.enter_context(changed("ward", "charts/service", *told))
        eventually(lambda: starts(cluster), because="Keycloak has started", within_s=STARTS_WITHIN_S)
        yield f"{api(cluster, 'ward', authority)}/wards/of-those-who-log-in"
    cluster.wait_until_ready()


def starts(cluster: Cluster) -> bool:
    """Says whether Keycloak has started; where its image cannot be had there is nothing to test."""
    for pod in cluster.pods("keycloak"):
        for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
            waiting = status.state.waiting
            if waiting is not None and waiting.reason in {"ErrImagePull", "ImagePullBackOff"}:
                pytest.skip(f"Keycloak's image cannot be had on this cluster: {waiting.message}")
    return bool(cluster.ready_instances("keycloak"))


@pytest.fixture(scope="module")
def provider(ward: str, authority: Path | None, scheme: str) -> Iterator[Provider]:
    with PortForward("keycloak", PORTS[scheme]) as forward:
        yield Provider(forward.port, authority)


@pytest.fixture(scope="module")
def client(env: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20, verify=trusted(env)) as client:
        yield client


def put(client: httpx.Client, ward: str, token: str | None) -> httpx.Response:
    """Asks for what takes wards:write, again while the API has not got the provider's keys."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def ask() -> httpx.Response | None:
        answer = client.put(ward, json=WARD, headers=headers)
        return None if answer.status_code == 503 else answer

    answer = eventually(ask, because="the API has the provider's keys", within_s=30)
    assert answer is not None
    return answer


def test_whoever_logs_in_may_do_what_their_role_may_and_nothing_else(
    cluster: Cluster, client: httpx.Client, ward: str, provider: Provider
) -> None:
    secret = cluster.secret("keycloak-administrator")
    assert put(client, ward, None).status_code == 401
    manager = put(client, ward, provider.person("a-ward-manager", secret["people"]))
    assert (manager.status_code, manager.json()["beds"]) == (200, 1)
    doctor = put(client, ward, provider.person("a-doctor", secret["people"]))
    assert doctor.status_code == 403
    assert 'scope="wards:write"' in doctor.headers["WWW-Authenticate"]
    machine = put(client, ward, provider.machine("machine", secret["machine"]))
    assert machine.status_code == 403, "it may send results of the laboratory alone"


def test_the_way_to_the_provider_is_the_apis_alone(cluster: Cluster, ward: str, scheme: str) -> None:
    assert cluster.reaches(cluster.pod_name("ward", "api"), "keycloak", PORTS[scheme])
    assert not cluster.reaches(cluster.pod_name("ward", "consumer"), "keycloak", PORTS[scheme])


def test_production_does_not_take_a_provider_that_speaks_in_the_clear(cluster: Cluster, ward: str) -> None:
    command = ["helm", "--namespace", NAMESPACE, "upgrade", "ward", "charts/service", "--reuse-values"]
    command += ["--set", f"environment=production,identity.issuer=http://keycloak:{PORTS['http']}/realms/hospital"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "identity.issuer: production" in refused.stderr
