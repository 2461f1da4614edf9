"""Renders the charts with helm, as data."""

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
OLDEST_KUBERNETES = "1.30.0"

needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")


def render(chart: str, *arguments: str) -> list[dict[str, Any]]:
    """Returns the objects that a chart makes.

    Raises:
        subprocess.CalledProcessError: helm refuses the values; stderr says why.
    """
    command = ["helm", "template", "it", f"charts/{chart}", "--namespace", "infirmary"]
    rendered = subprocess.run(
        [*command, "--kube-version", OLDEST_KUBERNETES, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    return [document for document in yaml.safe_load_all(rendered) if document]


@functools.cache
def service(name: str, *arguments: str, production: bool = False) -> list[dict[str, Any]]:
    """Returns the objects of one of the hospital's services."""
    return render("service", *values_of(name, production=production), *arguments)


def values_of(name: str, *, production: bool) -> list[str]:
    """Returns helm's arguments for the values files of a service."""
    files = [f"charts/services/{name}.yaml"]
    files += ["charts/production/all.yaml", f"charts/production/{name}.yaml"] if production else []
    return [word for file in files for word in ("--values", file)]


def lint(chart: str, *arguments: str) -> None:
    """Has helm look at a chart and its values, the schema included.

    Raises:
        subprocess.CalledProcessError: helm finds something; stdout says what.
    """
    command = ["helm", "lint", "--strict", "--quiet", f"charts/{chart}", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)


@functools.cache
def infrastructure() -> list[dict[str, Any]]:
    """Returns the objects of the servers for development."""
    return render("infra")


def of_kind(kind: str, objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def pod_specs(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the specifications of all pods that the objects lead to."""
    templates = [each["spec"]["template"]["spec"] for each in objects if "template" in each.get("spec", {})]
    return templates + [each["spec"] for each in objects if each["kind"] == "Pod"]
