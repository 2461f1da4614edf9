"""A day in the hospital through the ports that a user has, and once more inside of the cluster."""

import subprocess
import sys
from pathlib import Path

from local.topology import SERVICES, Role
from tests.cluster.cluster import Cluster, helm
from tests.cluster.load import Load
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]

MISSING = "infirmary_log_missing{"

_METRICS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8399/metrics", timeout=10).read().decode())
"""


def test_a_day_is_played_through_the_node_ports(env: dict[str, str], tmp_path: Path) -> None:
    addresses = tmp_path / "infirmary.env"
    addresses.write_text("".join(f"{name}={url}\n" for name, url in env.items()))
    subprocess.run([sys.executable, "-m", "demo", "--env", str(addresses)], check=True, cwd=ROOT, timeout=300)


def test_a_day_is_played_inside_of_the_cluster_while_others_use_it(cluster: Cluster, env: dict[str, str]) -> None:
    before = {pod.metadata.uid for pod in cluster.pods("prescription")}
    with Load(env) as load:
        told = helm("test", "infra", "--logs", "--timeout", "5m")
    assert "Everything held." in told
    assert told.count("Summary ---") == 1
    assert before == {pod.metadata.uid for pod in cluster.pods("prescription")}
    assert not load.failures, load.failures


def test_a_day_in_which_pods_die_is_played_where_that_is_asked_for(cluster: Cluster) -> None:
    helm("upgrade", "infra", "charts/infra", "--reuse-values", "--wait", "--set", "day.killsPods=true")
    try:
        assert helm("test", "infra", "--logs", "--timeout", "5m").count("SIGKILL prescription-relay") == 1
    finally:
        helm("rollback", "infra", "--wait")
    cluster.wait_until_ready()


def test_the_auditor_of_gaps_is_there_and_misses_nothing(cluster: Cluster) -> None:
    def missing() -> dict[str, float]:
        told = cluster.run_in(cluster.pod_name("gap-auditor"), "python", "-c", _METRICS)
        return {line.split('"')[1]: float(line.split()[-1]) for line in told.splitlines() if line.startswith(MISSING)}

    with_logs = {each.name for each in SERVICES if Role.RELAY in each.roles}
    eventually(lambda: with_logs <= missing().keys(), because="it has a series for every log")
    eventually(lambda: not any(missing().values()), because="it has read all of every log, and nothing is missing")


def test_the_test_of_one_service_ends_well_with_its_log() -> None:
    assert "ready" in helm("test", "patient", "--logs")
