"""k8s/production and two services of charts/production in a namespace of their own, in the order of docs/growing.md."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import yaml

from tests.cluster.images import load_image
from tests.production.kubectl import kubectl

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "production-test"
OVERLAY = ROOT / "tests/production/overlay"
SERVERS = "rabbitmqclusters.rabbitmq.com,clusters.postgresql.cnpg.io,mongodbcommunity.mongodbcommunity.mongodb.com"
TAG = "production-test"


@contextmanager
def namespace() -> Iterator[None]:
    """Makes the namespace, with the labels of the hospital's own, and deletes it with all that is in it."""
    made = yaml.safe_load((ROOT / "k8s/namespace/namespace.yaml").read_text())
    made["metadata"]["name"] = NAMESPACE
    kubectl("apply", "-f", "-", given=yaml.safe_dump(made))
    try:
        yield
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=300s")


@contextmanager
def servers() -> Iterator[None]:
    """Makes the Secrets and applies the servers; deletes them while their operators can still let them go."""
    for script in ("scripts.broker_secrets", "scripts.database_secrets"):
        made = subprocess.run(
            [sys.executable, "-m", script, "--namespace", NAMESPACE],
            check=True, text=True, stdout=subprocess.PIPE, cwd=ROOT,
        ).stdout  # fmt: skip
        kubectl("apply", "--server-side", "-f", "-", given=made)
    for user in ("notifications", "notifications-api", "notifications-consumer", "notifications-relay"):
        password = f"--from-literal=password={token_hex(24)}"
        kubectl("--namespace", NAMESPACE, "create", "secret", "generic", f"{user}-password", password)
    kubectl("apply", "--server-side", "-k", str(OVERLAY))
    try:
        yield
    finally:
        # PostgreSQL waits for three minutes for its clients to leave.
        kubectl("--namespace", NAMESPACE, "delete", "deployments", "--all", "--cascade=foreground", "--timeout=300s")
        kubectl("--namespace", NAMESPACE, "delete", "--all", "--timeout=300s", SERVERS)
        # Servers may take hours to stop. Kubernetes would look only after half of that whether the namespace is empty.
        kubectl("--namespace", NAMESPACE, "wait", "--for=delete", "pods", "--all", "--timeout=300s")
        # On a busy machine RabbitMQ's operator has been seen to make a cluster again that it had just let go.
        kubectl("--namespace", NAMESPACE, "delete", "--all", "--timeout=300s", SERVERS)


def build_images(*services: str) -> None:
    """Builds the images of the relay and of services, as skaffold does, and gives them to the cluster."""
    for name, target in {"relay": ("relay",), **{service: ("service", service) for service in services}}.items():
        image = f"infirmary-{name}:{TAG}"
        environment = {**os.environ, "IMAGE": image, "BUILD_CONTEXT": ".", "PUSH_IMAGE": "false"}
        subprocess.run(["sh", "k8s/build.sh", *target], check=True, cwd=ROOT, env=environment, capture_output=True)
        load_image(image)


def install(service: str) -> None:
    """Installs a service with its production values and waits until it is ready."""
    files = (f"charts/services/{service}.yaml", "charts/production/all.yaml", f"charts/production/{service}.yaml")
    values = [word for file in (*files, OVERLAY / "service.yaml") for word in ("--values", str(ROOT / file))]
    subprocess.run(
        ["helm", "--namespace", NAMESPACE, "upgrade", "--install", service, str(ROOT / "charts/service"), *values,
         "--set", f"image.tag={TAG}", "--wait", "--timeout", "8m"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
