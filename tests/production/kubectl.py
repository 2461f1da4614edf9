"""kubectl, as the tests of production run it."""

import json
import subprocess
from typing import Any


def kubectl(*arguments: str, given: str | None = None) -> str:
    """Runs kubectl and returns what it prints.

    Raises:
        subprocess.CalledProcessError: It failed; its own words are on the test's stderr.
    """
    return subprocess.run(["kubectl", *arguments], check=True, text=True, input=given, stdout=subprocess.PIPE).stdout


def objects(kind: str, namespace: str, *arguments: str) -> list[dict[str, Any]]:
    """Returns all objects of a kind in a namespace."""
    found = json.loads(kubectl("--namespace", namespace, "get", kind, "--output", "json", *arguments))
    items: list[dict[str, Any]] = found["items"]
    return items
