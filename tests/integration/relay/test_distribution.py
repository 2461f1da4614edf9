"""The relay can be installed by anybody: it is a distribution of its own, and needs what it says and nothing else."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.integration.relay.process import RELAY, ROOT

PROJECT = tomllib.loads((RELAY / "pyproject.toml").read_text())["project"]
PACKAGE = RELAY / "infirmary_relay"
MODULES = sorted(PACKAGE.rglob("*.py"))
EXTRAS = {"mongo": "mongo", "trace": "span_export"}
"""How the names of those modules begin that may import what an extra brings."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the relay and no other package; nothing is fetched for it."""
    backend = tomllib.loads((RELAY / "pyproject.toml").read_text())["build-system"]["build-backend"].partition(".")[0]
    if find_spec(backend) is None:
        pytest.skip(f"what builds the relay, {backend}, is not installed here")
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(RELAY))
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "empty"))
    python = folder / "empty" / "bin" / "python"
    run(*pip, "--python", str(python), "install", "--no-index", "--no-deps", str(wheel))
    return python.parent


def run(*command: str) -> str:
    return subprocess.run(command, cwd="/", check=True, capture_output=True, text=True).stdout


def test_the_command_helps_and_prints_what_a_service_needs(installed: Path) -> None:
    command = str(installed / "infirmary-relay")
    assert "SERVICE|schema" in run(command, "--help")
    assert run(command, "schema") == (PACKAGE / "schema.sql").read_text()
    for table in ("outbox", "outbox_relay", "outbox_sequence", "outbox_log"):
        assert f"TABLE {table} (" in run(command, "schema")
    assert "createIndex({ outbox_since: 1 }" in run(command, "schema", "--mongo")


def test_the_module_is_the_command(installed: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert run(str(installed / "python"), "-m", "infirmary_relay", "--version").strip() == project["version"]


def distributions(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def imported(path: Path) -> Iterator[str]:
    """Yields the packages that a module imports, at its head or in a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_the_relay_declares(path: Path) -> None:
    allowed = distributions(PROJECT["dependencies"])
    for extra, begins in EXTRAS.items():
        if path.name.startswith(begins):
            allowed |= distributions(PROJECT["optional-dependencies"][extra])
    brought_by = packages_distributions()
    for package in set(imported(path)) - sys.stdlib_module_names - {PACKAGE.name}:
        names = {canonicalize_name(name) for name in brought_by.get(package, [package])}
        assert names & allowed, f"{path.name} imports {package}"


def test_the_hospital_is_tested_with_versions_that_the_relay_allows() -> None:
    hospital = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = (each for extra in EXTRAS for each in PROJECT["optional-dependencies"][extra])
    ours = {requirement.name: requirement for requirement in map(Requirement, [*PROJECT["dependencies"], *extras])}
    brought = [each for extra in EXTRAS for each in hospital["optional-dependencies"][extra]]
    theirs = map(Requirement, [*hospital["dependencies"], *brought])
    shared = {requirement.name: requirement for requirement in theirs if requirement.name in ours}
    assert shared.keys() == ours.keys()
    assert {name: each.specifier for name, each in shared.items()} == {n: each.specifier for n, each in ours.items()}
