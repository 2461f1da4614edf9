"""The library can be installed by anybody: it needs what it says, and an extra only where that is used."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infirmary import __version__
from infirmary.postgres.schema import statements
from tests.integration.installation import STREAMS, build_wheel, environment, run

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = ROOT / "infirmary"
MODULES = sorted(PACKAGE.rglob("*.py"))
OF_EXTRAS = {
    "http": ("http/", "identity/", "postgres/storage.py"),
    "mongo": ("mongo/",),
    "trace": ("tracing/span_export.py",),
}
"""How the paths of those modules begin that may import at their heads what an extra brings."""

PART_OF = {"pydantic_core": "pydantic", "werkzeug": "flask"}
"""What a package that we need shows of another one, which it pins."""

KNOWN = packages_distributions()
"""The installed distributions by the packages that they bring; it takes half a second to find out."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the library, without extras."""
    folder = tmp_path_factory.mktemp("installed")
    wheels = [build_wheel(source, folder / source.name) for source in (ROOT, STREAMS)]
    return environment(folder / "empty", wheels, PROJECT["dependencies"])


def extra_of(path: Path) -> str | None:
    place = path.relative_to(PACKAGE).as_posix()
    return next((extra for extra, begins in OF_EXTRAS.items() if place.startswith(begins)), None)


def modules_of_the_base() -> list[str]:
    paths = [path for path in MODULES if extra_of(path) is None and "migrations" not in path.parts]
    named = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in named if not name.endswith("__main__")]


def test_the_versions_are_the_same() -> None:
    assert PROJECT["version"] == __version__


def test_what_a_migration_is_drafted_from_is_installed(installed: Path) -> None:
    found = "from infirmary.postgres import schema; print((schema._OF_LIBRARY / 'script.py.mako').exists())"
    assert run(str(installed / "python"), "-c", found).strip() == "True"


def test_the_command_prints_what_a_service_needs_without_any_extra(installed: Path) -> None:
    command = str(installed / "infirmary")
    assert run(command, "--version").strip() == __version__
    assert run(command, "schema") == statements()
    assert "createIndex" in run(command, "schema", "--mongo")


def test_what_is_no_extras_can_be_imported_without_any(installed: Path) -> None:
    run(str(installed / "python"), "-c", f"import {', '.join(modules_of_the_base())}")


def test_the_hospital_is_not_installed(installed: Path) -> None:
    asked = "import importlib.util as u; print([n for n in ('services', 'local', 'demo', 'tests') if u.find_spec(n)])"
    assert run(str(installed / "python"), "-c", asked).strip() == "[]"


def test_a_role_whose_extra_is_not_installed_says_so_in_one_line(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "services/orders").mkdir(parents=True)
    for name in ("services/__init__.py", "services/orders/__init__.py", "services/orders/messages.py"):
        (tmp_path / name).touch()
    refused = subprocess.run(
        [str(installed / "infirmary"), "orders", "api"],
        cwd=tmp_path,
        env={"DATABASE_URL": "postgresql://nobody@127.0.0.1/orders", "RABBITMQ_URL": "amqp://127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.stderr.splitlines() == ["Error: flask is not installed: pip install 'infirmary[http]'"]


def distributions(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def imported(path: Path, *, at_the_head: bool) -> Iterator[str]:
    """Yields the packages that a module imports: at its head, or anywhere."""
    tree = ast.parse(path.read_text())
    for node in tree.body if at_the_head else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def brought(packages: Iterator[str]) -> set[str]:
    """Returns the distributions that bring packages, but for Python's own and ours."""
    foreign = {PART_OF.get(each, each) for each in packages} - sys.stdlib_module_names - {PACKAGE.name}
    return {canonicalize_name(name) for each in foreign for name in KNOWN.get(each, [each])[:1]}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_the_library_declares(path: Path) -> None:
    extras = PROJECT["optional-dependencies"]
    own = extra_of(path)
    at_the_head = distributions(PROJECT["dependencies"]) | (distributions(extras[own]) if own else set())
    anywhere = at_the_head.union(*map(distributions, extras.values()))
    assert brought(imported(path, at_the_head=True)) <= at_the_head
    assert brought(imported(path, at_the_head=False)) <= anywhere
