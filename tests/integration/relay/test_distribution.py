"""The relay can be installed by anybody: it is a distribution of its own, and needs what it says and nothing else."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.integration.installation import STREAMS, build_wheel, environment, run
from tests.integration.relay.process import RELAY, ROOT

PROJECT = tomllib.loads((RELAY / "pyproject.toml").read_text())["project"]
PACKAGE = RELAY / "infirmary_relay"
MODULES = sorted(PACKAGE.rglob("*.py"))
EXTRAS = {"mongo": "mongo", "trace": "span_export"}
"""How the names of those modules begin that may import what an extra brings."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the relay and no other package."""
    folder = tmp_path_factory.mktemp("installed")
    return environment(folder / "empty", [build_wheel(RELAY, folder)], ())


def test_the_command_helps_and_prints_what_a_service_needs(installed: Path) -> None:
    command = str(installed / "infirmary-relay")
    assert "SERVICE|schema" in run(command, "--help")
    assert run(command, "schema") == (PACKAGE / "schema.sql").read_text()
    for table in ("outbox", "outbox_relay", "outbox_sequence", "outbox_log", "incarnation"):
        assert f"TABLE {table} (" in run(command, "schema")
    assert "createIndex({ outbox_since: 1 }" in run(command, "schema", "--mongo")


def test_the_module_is_the_command(installed: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert run(str(installed / "python"), "-m", "infirmary_relay", "--version").strip() == project["version"]


def test_all_of_it_can_be_imported_with_what_it_declares(tmp_path: Path) -> None:
    wheels = [build_wheel(source, tmp_path / source.name) for source in (RELAY, STREAMS)]
    programs = environment(tmp_path / "whole", wheels, PROJECT["dependencies"])
    paths = [path.relative_to(RELAY) for path in MODULES if not path.name.startswith(("__main__", *EXTRAS.values()))]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths]
    run(str(programs / "python"), "-c", f"import {', '.join(names)}")


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
