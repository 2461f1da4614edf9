"""Private names of other packages stand in one file for each package, whose versions pyproject.toml bounds."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from local.rundir import REPOSITORY

FILES = {
    "amqp": "consumer/py_amqp.py",
    "gunicorn": "http/gunicorn_internals.py",
    "psycopg": "postgres/psycopg_internals.py",
}
LIBRARY = REPOSITORY / "infirmary"


def private_names(path: Path) -> Iterator[str]:
    """Yields private names that are imported, or asked of something else than the object itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif (
            isinstance(node, ast.Attribute) and is_private(node.attr) and ast.unparse(node.value) not in ("self", "cls")
        ):
            yield node.attr


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_only_these_files_use_private_names_of_others() -> None:
    found = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py") if any(private_names(path))}
    assert found == set(FILES.values())


@pytest.mark.parametrize("package", FILES)
def test_the_versions_of_such_a_package_have_an_upper_bound(package: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    required = {each.name: each for each in map(Requirement, project["dependencies"])}
    extras = (each for group in project["optional-dependencies"].values() for each in map(Requirement, group))
    required |= {each.name: each for each in extras if each.name not in required}
    assert any(each.operator in ("<", "<=", "==", "~=") for each in required[package].specifier)
