"""Environments that hold one of our distributions and what it declares to need, and no other package.

Nothing is fetched: what a distribution needs is taken from the environment that runs the tests, by links. What it needs
of ours is built.
"""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
STREAMS = ROOT / "packaging" / "streams"
"""The distribution that library and relay share."""


def run(*command: str, cwd: Path | str = "/") -> str:
    """Runs a command to its end and returns what it printed.

    Raises:
        AssertionError: It failed; the text has what it said.
    """
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def build_wheel(source: Path, folder: Path) -> Path:
    """Builds a distribution as `pip install` does, without an index."""
    pytest.importorskip("flit_core", reason="what builds it is not installed here")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(folder: Path, wheels: Iterable[Path], requirements: Iterable[str]) -> Path:
    """Makes an environment with wheels and what is required beside them, and returns the folder of its programs."""
    wheels = list(wheels)
    brought = {canonicalize_name(wheel.name.partition("-")[0]) for wheel in wheels}
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    programs = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(programs / "python")]
    run(*pip, "install", "--no-index", "--no-deps", *map(str, wheels))
    (packages,) = (folder / "lib").glob("python*/site-packages")
    required = (each for each in map(Requirement, requirements) if canonicalize_name(each.name) not in brought)
    for name in needed(required):
        _link(name, packages)
    return programs


def needed(requirements: Iterable[Requirement]) -> set[str]:
    """Returns the names of all distributions that are required, by whatever way."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(each, "") for each in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found.add(name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(each), wanted) for each in distribution(name).requires or ()]
    return found


def _link(name: str, packages: Path) -> None:
    for top in {file.parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
        link = packages / top
        if not link.exists():
            link.symlink_to(Path(str(distribution(name).locate_file(top))).resolve())
