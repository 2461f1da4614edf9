"""A cluster with the hospital deployed in it; without one that was asked for, everything here is skipped."""

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from audit.collector import Collector
from audit.ledger import Ledger
from audit.verdict import judge
from demo.client import Hospital
from tests.cluster.addresses import addresses
from tests.cluster.cluster import Cluster
from tests.cluster.port_forward import SERVERS, PortForward

ASKED_FOR = "INFIRMARY_CLUSTER"
UNTIL = "INFIRMARY_CLUSTER_UNTIL"
"""The moment, in unix time, from which on no further test is begun: CI has an end, and a shared machine any speed."""

FIRST, LAST = "test_at_rest.py", "test_pod_kills.py"
"""What the hospital takes while little has happened; and at last what others would count the traces of."""

QUIESCENT_WITHIN_S = 180.0


OPEN_SOCKET = "unclosed <ssl.SSLSocket"
"""Kubernetes' client leaves one open with a session whose pod has died, and others until the interpreter ends."""


def pytest_configure(config: pytest.Config) -> None:
    """Lets a test end with such a socket open."""
    if ASKED_FOR in os.environ:
        config.addinivalue_line("filterwarnings", f"ignore:{OPEN_SOCKET}:ResourceWarning")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Lets the whole run end with one: pytest looks once more then, by the filters from before our own."""
    if ASKED_FOR in os.environ:
        warnings.filterwarnings("ignore", message=OPEN_SOCKET, category=ResourceWarning)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips all tests of this folder unless they were asked for: they change the cluster of kubectl's context."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and ASKED_FOR not in os.environ:
            item.add_marker(pytest.mark.skip(reason="make k8s-test runs it"))
    if ASKED_FOR in os.environ:
        items.sort(key=lambda item: (item.path.name == LAST, item.path.name != FIRST))


def pytest_runtest_setup() -> None:
    """Begins no test when the time that was given is over."""
    if ASKED_FOR in os.environ and time.time() > float(os.environ.get(UNTIL, "inf")):
        pytest.skip(f"{UNTIL} has passed: this machine was too slow for it")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The hospital, completely up."""
    with closing(Cluster()) as cluster:
        cluster.wait_until_ready()
        yield cluster


@pytest.fixture(scope="session")
def forwards(cluster: Cluster) -> Iterator[dict[str, PortForward]]:
    """The ports of the servers, by the server's name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(PortForward(name, port)) for name, port in SERVERS.items()}


@pytest.fixture(scope="session")
def authority(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The certificates to trust; None where nobody speaks TLS."""
    certificate = cluster.authority()
    if certificate is None:
        return None
    file = tmp_path_factory.mktemp("authority") / "ca.crt"
    file.write_text(certificate)
    return file


@pytest.fixture(scope="session")
def env(cluster: Cluster, forwards: dict[str, PortForward], authority: Path | None) -> dict[str, str]:
    """Where everything is."""
    return addresses(cluster, forwards, authority)


@pytest.fixture
def hospital(env: dict[str, str]) -> Iterator[Hospital]:
    """A client of the APIs, patient enough for a pod that is replaced."""
    with Hospital(env, patience_s=120) as hospital:
        yield hospital


@pytest.fixture(scope="session")
def collector(env: dict[str, str]) -> Iterator[Collector]:
    """Whoever looks at the whole hospital; one for all tests, as each audit then reads of the logs only what is new."""
    with Collector(env) as collector:
        yield collector


@pytest.fixture
def audited(cluster: Cluster, collector: Collector, hospital: Hospital) -> Iterator[Hospital]:
    """The same client; after the test, everything that design promises must hold for the whole hospital."""
    yield hospital
    cluster.wait_until_ready()
    violations = violations_at_rest(collector, hospital.ledger)
    assert not violations, violations


def violations_at_rest(collector: Collector, ledger: Ledger) -> list[str]:
    """Waits until nothing is under way and returns what does not hold then."""
    began_at = time.monotonic()
    try:
        collector.await_quiescence(QUIESCENT_WITHIN_S)
        at_rest_s = time.monotonic() - began_at
        facts = collector.facts(ledger)
    finally:
        collector.disconnect()  # the next test may kill the servers
    verdict = judge(facts, ledger)
    took_s = time.monotonic() - began_at
    print(f"at rest after {at_rest_s:.1f} s and audited after {took_s:.1f} s: {verdict.rules_checked} rules")
    return [str(violation) for violation in verdict.violations]
