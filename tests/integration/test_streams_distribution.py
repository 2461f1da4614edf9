"""What relay and library share can be installed by anybody: all of it, and nothing else."""

import ast
import sys
import tarfile
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

import infirmary_streams
from tests.integration.installation import ROOT, STREAMS, build_wheel, environment, run

PACKAGE = ROOT / "infirmary_streams"
MODULES = sorted(PACKAGE.rglob("*.py"))


def test_it_is_the_package_that_a_checkout_imports() -> None:
    assert (STREAMS / PACKAGE.name).is_symlink()
    assert (STREAMS / PACKAGE.name).resolve() == PACKAGE == Path(infirmary_streams.__file__).parent


def test_an_environment_without_any_other_package_imports_all_of_it(tmp_path: Path) -> None:
    programs = environment(tmp_path / "empty", [build_wheel(STREAMS, tmp_path)], ())
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in MODULES]
    asked = f"import {', '.join(names)}; from importlib.metadata import version, requires as needs;"
    asked += "print(version('infirmary-streams'), needs('infirmary-streams'), infirmary_streams.__file__)"
    version, needs, place = run(str(programs / "python"), "-c", asked).split()
    assert (version, needs) == (infirmary_streams.__version__, "None")
    assert (Path(place).parent / "py.typed").exists()


def test_the_archive_of_its_source_builds_the_same(tmp_path: Path) -> None:
    pytest.importorskip("flit_core", reason="what builds it is not installed here")
    made = run(
        sys.executable, "-c", f"import build_from_copy as b; print(b.build_sdist({str(tmp_path)!r}))", cwd=STREAMS
    )
    with tarfile.open(tmp_path / made.strip()) as archive:
        archive.extractall(tmp_path / "extracted", filter="data")
    (extracted,) = (tmp_path / "extracted").iterdir()
    wheels = [build_wheel(source, tmp_path / source.name) for source in (STREAMS, extracted)]
    contents = [{each.filename: each.CRC for each in ZipFile(wheel).infolist()} for wheel in wheels]
    assert contents[0] == contents[1]
    assert {path.relative_to(ROOT).as_posix() for path in MODULES} <= contents[0].keys()


@pytest.mark.parametrize("project", [ROOT, ROOT / "relay"], ids=["library", "relay"])
def test_who_needs_it_takes_the_version_beside_it(project: Path) -> None:
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    (wanted,) = (each for each in map(Requirement, declared) if each.name == "infirmary-streams")
    assert infirmary_streams.__version__ in wanted.specifier


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_nothing_that_python_does_not_have(path: Path) -> None:
    tree = ast.walk(ast.parse(path.read_text()))
    imported = [alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names]
    tree = ast.walk(ast.parse(path.read_text()))
    imported += [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {PACKAGE.name}
