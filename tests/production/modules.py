"""The Go modules from which the operators and their schemas come: fetched by `go`, from wherever it fetches modules."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

CLOUDNATIVE_PG = "github.com/cloudnative-pg/cloudnative-pg@v1.27.0"
BARMAN_CLOUD = "github.com/cloudnative-pg/plugin-barman-cloud@v0.15.0"
RABBITMQ = "github.com/rabbitmq/cluster-operator/v2@v2.16.0"
MONGODB = "github.com/mongodb/mongodb-kubernetes-operator@v0.13.0"
KEDA = "github.com/kedacore/keda/v2@v2.17.2"
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator@v0.84.0"
CERT_MANAGER = "github.com/cert-manager/cert-manager@v1.18.2"
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.3.0"

SCHEMAS = {
    CLOUDNATIVE_PG: "config/crd/bases",
    BARMAN_CLOUD: "config/crd/bases",
    RABBITMQ: "config/crd/bases",
    MONGODB: "config/crd/bases",
    KEDA: "config/crd/bases",
    PROMETHEUS: "example/prometheus-operator-crd",
    CERT_MANAGER: "deploy/crds",
    GATEWAY_API: "config/crd/standard",
}
"""Where a module keeps the definitions of its resources."""

_NAME = re.compile(r"^  name: (\S+\.\S+)$", re.MULTILINE)
_FILLED_IN = re.compile(r"'\{\{.*?\}\}'")


@cache
def module_folder(module: str) -> Path:
    """Returns the folder of Go's cache that holds a module's source, which is fetched when it is not there.

    Raises:
        subprocess.CalledProcessError: It cannot be had.
    """
    told = subprocess.run(
        ["go", "mod", "download", "-json", module], check=True, capture_output=True, text=True, cwd="/"
    )
    return Path(json.loads(told.stdout)["Dir"])


def schemas(*modules: str) -> dict[str, str]:
    """Returns the definitions of the modules' resources, by name."""
    folders = [module_folder(module) / SCHEMAS[module] for module in modules]
    texts = [file.read_text() for folder in folders for file in folder.glob("*.yaml") if "kustom" not in file.name]
    # cert-manager's are written for helm, which fills in labels.
    plain = [_FILLED_IN.sub("any", text) for text in texts]
    return {_NAME.findall(text)[0]: text for text in plain}
