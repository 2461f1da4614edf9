"""Prints the Secrets of production's broker, made by the template that development has.

    python3 -m scripts.broker_secrets | kubectl apply --server-side -f -

It needs helm and kubectl, and nothing but Python's own library. Who has a password in the cluster already keeps it, so
that this can be run again when a service is added.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DEFINITIONS = "rabbitmq-definitions"
ADMINISTRATOR = "rabbitmq-administrator"
LINE = "definitions.json: "
OLDEST_KUBERNETES = "1.30.0"

MESSAGE_MAX_BYTES = 1048576
"""The largest message that k8s/production/rabbitmq.yaml lets the broker take."""

Definitions = dict[str, Any]


def rendered_definitions(values: Iterable[str] = ()) -> Definitions:
    """Returns the virtual host, the users with new passwords, and their rights, as charts/infra makes them.

    Args:
        values: Files with values of that chart: services of your own are said there.

    Raises:
        subprocess.CalledProcessError: helm refuses the values.
    """
    chosen = [word for file in values for word in ("--values", file)]
    rendered = subprocess.run(
        ["helm", "template", "infra", str(ROOT / "charts/infra"), "--kube-version", OLDEST_KUBERNETES,
         "--show-only", "templates/secrets.yaml", *chosen],
        check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    quoted = next(line.strip().removeprefix(LINE) for line in rendered.splitlines() if line.strip().startswith(LINE))
    definitions: Definitions = json.loads(json.loads(quoted))
    return definitions


def kept_passwords(namespace: str) -> dict[str, str]:
    """Returns the passwords that the users have in the cluster; none before the first deployment.

    Raises:
        subprocess.CalledProcessError: The cluster does not answer.
    """
    found = subprocess.run(
        ["kubectl", "--namespace", namespace, "get", "secret", DEFINITIONS, "--ignore-not-found",
         "--output", "go-template={{index .data \"definitions.json\" | base64decode}}"],
        check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    return {user["name"]: user["password"] for user in json.loads(found)["users"]} if found.strip() else {}


def with_passwords(definitions: Definitions, kept: Mapping[str, str]) -> Definitions:
    """Returns the definitions with the passwords of those users who have one already."""
    users = [{**user, "password": kept.get(user["name"], user["password"])} for user in definitions["users"]]
    return {**definitions, "users": users}


def secrets(definitions: Definitions, *, namespace: str, host: str, tls: bool) -> list[dict[str, Any]]:
    """Returns the definitions, the administrator as the operator wants it, and an address for each service."""
    virtual_host = definitions["vhosts"][0]["name"]
    scheme, port = ("amqps", 5671) if tls else ("amqp", 5672)
    made = [_secret(DEFINITIONS, namespace, {"definitions.json": json.dumps(definitions, indent=2)})]
    for user in definitions["users"]:
        name, password = user["name"], user["password"]
        url = f"{scheme}://{name}:{password}@{host}:{port}/{virtual_host}"
        if "administrator" in user["tags"]:
            contents = {
                "username": name, "password": password, "host": host, "port": str(port), "url": url,
                "provider": "rabbitmq", "type": "rabbitmq",
                "default_user.conf": f"default_user = {name}\ndefault_pass = {password}\n",
            }  # fmt: skip
            made.append(_secret(ADMINISTRATOR, namespace, contents))
        else:
            made.append(_secret(f"{name}-broker", namespace, {"url": url, "MESSAGE_MAX_BYTES": str(MESSAGE_MAX_BYTES)}))
    return made


def _secret(name: str, namespace: str, contents: dict[str, str]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "infirmary"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": contents}


def main(arguments: list[str]) -> None:
    """Prints the Secrets as a list for kubectl."""
    parser = argparse.ArgumentParser(
        prog="python3 -m scripts.broker_secrets", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--namespace", default="infirmary")
    parser.add_argument("--host", help="default: the Service hospital of the namespace")
    parser.add_argument("--tls", action="store_true", help="the services are to use amqps")
    parser.add_argument(
        "--values", action="append", default=[], help="values of charts/infra with services of your own"
    )
    asked = parser.parse_args(arguments)
    definitions = with_passwords(rendered_definitions(asked.values), kept_passwords(asked.namespace))
    host = asked.host or f"hospital.{asked.namespace}.svc"
    made = secrets(definitions, namespace=asked.namespace, host=host, tls=asked.tls)
    json.dump({"apiVersion": "v1", "kind": "List", "items": made}, sys.stdout, indent=2)


if __name__ == "__main__":
    main(sys.argv[1:])
