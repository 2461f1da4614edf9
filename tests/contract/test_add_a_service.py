"""docs/add-a-service.md works: its files, put into a copy of this repository, are a service."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "add-a-service.md").read_text()
FILES = re.compile(r"^`(\S+\.py)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("services", "relay", "local", "tests", "docs", "pyproject.toml")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the page's service in it."""
    root = tmp_path_factory.mktemp("repository")
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    for name, text in FILES.findall(PAGE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def run(root: Path, *words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_has_every_room() -> None:
    rooms = {Path(name).name for name, _ in FILES.findall(PAGE)}
    assert rooms >= {"messages.py", "model.py", "store.py", "handlers.py", "api.py"}


def test_its_contracts_fit_those_of_the_others(copy: Path) -> None:
    run(copy, "services", "contracts")
    run(copy, "services", "contracts", "--check")
    assert (copy / "services" / "pharmacist" / "schemas" / "PatientCounselled.json").exists()
    assert (copy / "services/pharmacist/schemas/reads/prescription.PrescriptionDispensed.json").exists()
    assert "PatientCounselled" in (copy / "docs" / "messages.md").read_text()


def test_it_passes_its_own_test_on_a_real_database(copy: Path) -> None:
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/integration/services/test_pharmacist.py")
