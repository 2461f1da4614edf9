"""docs/add-a-service.md works: its steps, taken in a copy of this repository, make a service, and break nothing there.

All tests are run there by hand: tests/contract/tenth_service.py says how.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.tenth_service import copy_with_tenth_service, steps

pytestmark = pytest.mark.long

A_LONG_TIME_S = 1200
TABLES = "tests/integration/test_tables_match_migrations.py::test_migrations_make_the_tables_of_a_service"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the page's service in it, and what follows from it written."""
    root = tmp_path_factory.mktemp("copies") / "repository"
    copy_with_tenth_service(root)
    run(root, sys.executable, "-m", "contracts")
    run(root, sys.executable, "-m", "scripts.known_services")
    return root


def run(root: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_has_every_room() -> None:
    rooms = {Path(name).name for name, _, _ in steps()}
    assert rooms >= {
        "messages.py",
        "model.py",
        "tables.py",
        "store.py",
        "handlers.py",
        "restoring.py",
        "api.py",
        "services.toml",
    }


def test_all_that_it_takes_is_a_folder_a_test_and_one_line() -> None:
    elsewhere = [
        (name, text)
        for name, _, text in steps()
        if not name.startswith("services/pharmacist/") and name != "tests/integration/services/test_pharmacist.py"
    ]
    ((name, text),) = elsewhere
    assert (name, len(text.splitlines())) == ("services/services.toml", 1)


def test_its_schemas_are_written_and_listed(copy: Path) -> None:
    assert (copy / "services/pharmacist/schemas/PatientCounselled.json").exists()
    assert (copy / "services/pharmacist/schemas/reads/prescription.PrescriptionDispensed.json").exists()
    assert "PatientCounselled" in (copy / "docs" / "messages.md").read_text()


@pytest.mark.timeout(A_LONG_TIME_S)
def test_every_check_passes_with_it(copy: Path) -> None:
    run(copy, "sh", "scripts/check.sh")


@pytest.mark.timeout(A_LONG_TIME_S)
def test_it_passes_its_own_test_and_breaks_none_of_the_quick_ones(copy: Path) -> None:
    its_own = ["tests/integration/services/test_pharmacist.py", f"{TABLES}[pharmacist]"]
    tests = [*its_own, "tests/unit", "tests/contract"]
    # Library and relay know no service, so one more changes nothing for their tests, which take the longest.
    strangers = ("tests/unit/infirmary", "tests/unit/relay", "tests/contract/test_add_a_service.py")
    without_them = [word for stranger in strangers for word in ("--ignore", stranger)]
    run(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *without_them)
