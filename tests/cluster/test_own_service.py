"""The chart deploys a Flask service of somebody else's: the one of docs/add-a-service.md, just as the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster.addresses import api
from tests.cluster.cluster import Cluster, helm
from tests.cluster.images import build_image
from tests.cluster.releases import deployed_revision
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/add-a-service.md").read_text()
WITH_TLS = "tls.caSecret=hospital-authority"
FILE = r"^`{name}`:\n\n```\w+\n(.*?)^```$"


def file_of_the_page(name: str) -> str:
    found = re.search(FILE.format(name=re.escape(name)), PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"{name} is not in the page"
    return found.group(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("canteen.py", "Dockerfile", "canteen.yaml"):
        (tmp_path / name).write_text(file_of_the_page(name))
    return tmp_path


@pytest.fixture
def canteen(cluster: Cluster, authority: Path | None, folder: Path) -> Iterator[str]:
    """The address of the canteen; everything is as before when it has closed."""
    build_image("canteen:1", folder)
    before = deployed_revision("infra")
    try:
        helm("upgrade", "infra", "charts/infra", "--reuse-values", "--wait", "--set", "services.canteen.database=meals")
        trusts = [] if authority is None else ["--set", WITH_TLS]
        helm("upgrade", "--install", "canteen", "charts/service", "--wait", "-f", str(folder / "canteen.yaml"), *trusts)
        yield api(cluster, "canteen", None)
    finally:
        helm("uninstall", "canteen", "--wait", "--ignore-not-found")
        helm("rollback", "infra", before, "--wait")
        cluster.wait_until_ready()


def test_the_page_says_what_such_a_service_is_given_where_the_servers_speak_tls() -> None:
    assert f"`--set {WITH_TLS}`" in PAGE


def test_a_strangers_flask_service_is_deployed_as_the_page_says(cluster: Cluster, canteen: str) -> None:
    def served() -> bool:
        try:
            return httpx.put(f"{canteen}/meals/ada", json={"meal": "soup"}, timeout=10).is_success
        except httpx.TransportError:
            return False  # the node's port opens a moment after the pod is ready

    eventually(served, because="the canteen takes orders")
    pod = cluster.pod_name("canteen", "api")
    assert cluster.run_in(pod, "id", "-u").strip() == "10001"
    assert "Read-only file system" in cluster.run_in(pod, "sh", "-c", "echo > /app/x")
