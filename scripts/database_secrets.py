"""Prints the Secrets of the roles that processes have in production's PostgreSQL, which CloudNativePG makes by them.

    python3 -m scripts.database_secrets | kubectl apply --server-side -f -

It needs kubectl, and nothing but Python's own library. Who has a password in the cluster already keeps it, so that this
can be run again when a service is added.
"""

import argparse
import base64
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from local.topology import SERVICES, Engine, Role, Service

KIND = "kubernetes.io/basic-auth"
"""What CloudNativePG reads a role's password from; the chart takes the address beside it."""


def secret_name(service: Service, role: Role) -> str:
    """Returns what the chart of a service calls the Secret of a process."""
    return f"{service.name}-{role}-credentials"


def secrets(services: Iterable[Service], kept: Mapping[str, str], namespace: str) -> Iterator[dict[str, Any]]:
    """Yields a Secret for each process of a service on PostgreSQL.

    Args:
        services: All of them.
        kept: The passwords that are there already, by the Secret's name.
        namespace: Where the hospital is.
    """
    for service in services:
        for role in Role if service.engine is Engine.POSTGRESQL else ():
            name, user = secret_name(service, role), f"{service.database}_{role}"
            password = kept.get(name) or token_hex(24)
            host = f"{service.resource}-rw.{namespace}.svc"
            url = f"postgresql://{user}:{quote(password, safe='')}@{host}:5432/{service.database}"
            # A password that is changed here reaches the database at once by the second label.
            labels = {"app.kubernetes.io/part-of": "infirmary", "cnpg.io/reload": "true"}
            yield {
                "apiVersion": "v1", "kind": "Secret", "type": KIND,
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "stringData": {"username": user, "password": password, "DATABASE_URL": url},
            }  # fmt: skip


def kept_passwords(namespace: str) -> dict[str, str]:
    """Returns the passwords that are in the cluster, by the Secret's name; none before the first deployment.

    Raises:
        subprocess.CalledProcessError: The cluster does not answer.
    """
    found = subprocess.run(
        ["kubectl", "--namespace", namespace, "get", "secrets", "--field-selector", f"type={KIND}", "--output", "json"],
        check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    return {
        each["metadata"]["name"]: base64.b64decode(each["data"]["password"]).decode()
        for each in json.loads(found)["items"]
    }


def main(arguments: list[str]) -> None:
    """Prints the Secrets as a list for kubectl."""
    parser = argparse.ArgumentParser(
        prog="python3 -m scripts.database_secrets", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--namespace", default="infirmary")
    namespace = parser.parse_args(arguments).namespace
    made = list(secrets(SERVICES, kept_passwords(namespace), namespace))
    json.dump({"apiVersion": "v1", "kind": "List", "items": made}, sys.stdout, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
