"""What is meant for production is valid to the operators that are to read it: their own schemas, strictly applied.

The schemas come with the operators' Go modules, so this needs `go` and the module proxy. Whether pods come of them, and
run, is what tests/production asks.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.topology import SERVICES
from tests.cluster.cluster import Cluster
from tests.production.kubectl import kubectl
from tests.production.modules import SCHEMAS
from tests.production.schemas import schemas_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schemas(cluster: Cluster) -> Iterator[None]:
    if shutil.which("go") is None:
        pytest.skip("go is needed to fetch the operators' schemas")
    with schemas_of(*SCHEMAS):
        yield


@pytest.mark.parametrize("folder", ["k8s/production", "k8s/complete"])
def test_the_servers_of_production_are_valid(schemas: None, folder: str) -> None:
    kubectl("apply", "--dry-run=server", "--validate=strict", "-k", str(ROOT / folder))


@pytest.mark.parametrize("service", [service.name for service in SERVICES])
def test_a_service_of_production_is_valid(schemas: None, service: str) -> None:
    files = ["charts/services/{}.yaml", "charts/production/all.yaml", "charts/production/{}.yaml"]
    values = [word for file in files for word in ("--values", str(ROOT / file.format(service)))]
    rendered = subprocess.run(
        ["helm", "template", service, str(ROOT / "charts/service"), "--namespace", "infirmary", "--no-hooks",
         "--kube-version", "1.30.0", *values],
        check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    assert "kind: ScaledObject" in rendered
    kubectl("apply", "--dry-run=server", "--validate=strict", "--namespace", "infirmary", "-f", "-", given=rendered)
