"""A day in the hospital through the ports that a user has, and once more inside of the cluster."""

import subprocess
import sys
from pathlib import Path

from tests.cluster.cluster import Cluster, helm

ROOT = Path(__file__).resolve().parents[2]


def test_a_day_is_played_through_the_node_ports(env: dict[str, str], tmp_path: Path) -> None:
    addresses = tmp_path / "infirmary.env"
    addresses.write_text("".join(f"{name}={url}\n" for name, url in env.items()))
    subprocess.run([sys.executable, "-m", "demo", "--env", str(addresses)], check=True, cwd=ROOT, timeout=300)


def test_a_day_is_played_inside_of_the_cluster(cluster: Cluster) -> None:
    assert "Succeeded" in helm("test", "infra", "--timeout", "5m")


def test_no_container_had_to_be_started_again(cluster: Cluster) -> None:
    assert not {name: count for name, count in cluster.restarts().items() if not name.startswith("day-")}
