"""What is meant for production is valid to the operators that are to read it: their own schemas, strictly applied.

The schemas come with the operators' Go modules, so this needs `go` and the module proxy.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.topology import SERVICES
from tests.cluster.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = {
    "github.com/cloudnative-pg/cloudnative-pg@v1.27.0": "config/crd/bases",
    "github.com/rabbitmq/cluster-operator/v2@v2.16.0": "config/crd/bases",
    "github.com/mongodb/mongodb-kubernetes-operator@v0.13.0": "config/crd/bases",
    "github.com/kedacore/keda/v2@v2.17.2": "config/crd/bases",
    "github.com/prometheus-operator/prometheus-operator@v0.84.0": "example/prometheus-operator-crd",
}


def kubectl(*arguments: str, given: str | None = None) -> None:
    subprocess.run(["kubectl", *arguments], check=True, text=True, input=given, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def schemas(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if shutil.which("go") is None:
        pytest.skip("go is needed to fetch the operators' schemas")
    folders = []
    for module, folder in OPERATORS.items():
        told = subprocess.run(
            ["go", "mod", "download", "-json", module],
            check=True, capture_output=True, text=True, cwd=tmp_path_factory.mktemp("module"),
        )  # fmt: skip
        folders.append(Path(json.loads(told.stdout)["Dir"]) / folder)
    files = [str(file) for folder in folders for file in sorted(folder.glob("*.yaml")) if "kustom" not in file.name]
    chosen = [word for file in files for word in ("-f", file)]
    kubectl("apply", "--server-side", "--force-conflicts", *chosen)
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *chosen)
    yield
    kubectl("delete", "--ignore-not-found", "--wait=false", *chosen)


def test_the_servers_of_production_are_valid(schemas: None) -> None:
    kubectl("apply", "--dry-run=server", "--validate=strict", "-k", str(ROOT / "k8s/production"))


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
