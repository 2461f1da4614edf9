"""A column is renamed inside patient while traffic runs: no file but its `tables.py` changes, and nobody notices.

An outage of this kind is what made services own their databases. The change is real: two migrations and one line,
rolled out as one would, in a copy of the tree; patient runs from there.
"""

import filecmp
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

from audit.client import bearer
from audit.collector import Collector
from audit.verdict import violations
from demo.client import Hospital
from local.hospital import Hospital as Machinery
from local.hospital import running_hospital
from local.plan import service_command
from local.process import run_to_end
from local.topology import SERVICES, Service
from tests.e2e.conftest import AT_REST_WITHIN_S
from tests.e2e.renamed_column.new_code import add_migration, newest_revision, with_renamed_column
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = Path("services/patient/migrations/versions")
PATIENT = next(service for service in SERVICES if service.name == "patient")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the services' code."""
    for package in ("infirmary", "infirmary_streams", "services"):
        shutil.copytree(ROOT / package, tmp_path / "tree" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "tree"


@pytest.fixture
def machinery(tmp_path: Path, tree: Path) -> Iterator[Machinery]:
    """A hospital of its own, whose patient service runs from the copy."""

    def command(service: Service, role: str) -> list[str]:
        usual = service_command(service, role)
        if service is not PATIENT or role == "relay":
            return usual
        return ["sh", "-c", 'cd "$0" && exec "$@"', str(tree), *usual]

    with running_hospital(tmp_path / "hospital", command=command) as running:
        running.wait_until_ready()
        yield running


@dataclass
class Traffic:
    """People who register and rename patients all the time, and do not try twice."""

    url: str
    headers: dict[str, str]
    troubles: list[str] = field(default_factory=list)
    requests: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Goes on until told to stop."""
        number = 0
        while not self._stop.is_set():
            number += 1
            born = {"full_name": f"Patient {number}", "date_of_birth": "1980-01-01"}
            patient = self._ask("POST", "/patients", born)
            if patient is not None:
                path = f"/patients/{patient['patient_id']}"
                self._ask("PUT", f"{path}/name", {"full_name": f"Renamed {number}"})
                seen = self._ask("GET", path, None)
                if seen is not None and seen["full_name"] != f"Renamed {number}":
                    self.troubles.append(f"{path} is called {seen['full_name']}")

    def _ask(self, method: str, path: str, body: dict[str, str] | None) -> dict[str, str] | None:
        self.requests += 1
        try:
            answer = httpx.request(method, self.url + path, json=body, headers=self.headers, timeout=10)
        except httpx.HTTPError as error:
            self.troubles.append(f"{method} {path}: {error!r}")
            return None
        if answer.is_error:
            self.troubles.append(f"{method} {path}: {answer.status_code} {answer.text}")
            return None
        found: dict[str, str] = answer.json()
        return found

    def stop(self) -> None:
        """Lets everybody finish what they do."""
        self._stop.set()


def test_a_renamed_column_is_noticed_by_nobody(machinery: Machinery, tree: Path) -> None:
    before = columns(machinery)
    traffic = Traffic(machinery.url("patient"), bearer(machinery.env))
    people = [threading.Thread(target=traffic.run) for _ in range(3)]
    for person in people:
        person.start()
    try:
        flows(traffic)
        expand = migrate(machinery, tree, "expand")
        flows(traffic)
        roll_out_new_code(machinery, tree)
        flows(traffic)
        contract = migrate(machinery, tree, "contract")
        flows(traffic)
    finally:
        traffic.stop()
        for person in people:
            person.join(20)
    assert traffic.troubles == []
    assert columns(machinery) == before - {"full_name"} | {"legal_name"}
    assert changed(tree) == [
        f"patient/migrations/versions/{expand}", f"patient/migrations/versions/{contract}", "patient/tables.py",
    ]  # fmt: skip
    assert "There is nothing to do" in drafted(machinery, tree)
    with Hospital(machinery.env) as hospital, Collector(machinery.env) as collector:
        collector.await_quiescence(AT_REST_WITHIN_S)
        assert violations(collector.facts(hospital.ledger)) == []


def flows(traffic: Traffic) -> None:
    """Waits until people have been served for a while."""
    before = traffic.requests
    eventually(lambda: traffic.troubles or traffic.requests > before + 60, because="people are served")


def migrate(machinery: Machinery, tree: Path, name: str) -> str:
    """Adds a migration to the service and runs it, while everything works on; returns the name of its file."""
    versions = tree / VERSIONS
    added = add_migration(name, newest_revision(versions), versions)
    run_to_end([machinery.plan.migration(PATIENT)], 1, 60)
    return added.name


def roll_out_new_code(machinery: Machinery, tree: Path) -> None:
    """Names the column anew where the service declares it, and replaces its processes one after the other."""
    tables = tree / "services/patient/tables.py"
    tables.write_text(with_renamed_column(tables.read_text()))
    api = machinery.process("patient", "api")
    workers = children(api.pid)
    api.send(signal.SIGHUP)  # gunicorn starts new workers, then lets the old ones finish
    eventually(lambda: children(api.pid).isdisjoint(workers), because="the old worker has gone", within_s=40)
    consumer = machinery.process("patient", "consumer")
    consumer.stop()
    consumer.start()


def children(pid: int | None) -> set[int]:
    """Returns the processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(each) for each in found}


def columns(machinery: Machinery) -> set[str]:
    """Returns the columns of the table."""
    with psycopg.connect(machinery.env["PATIENT_DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'patients'")
        return {name for (name,) in rows}


def drafted(machinery: Machinery, tree: Path) -> str:
    """Returns what is said to somebody who wants what the tables lack to be drafted as a migration."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_URL": machinery.env["PATIENT_DATABASE_URL"],
    }
    command = [sys.executable, "-m", "services", "patient", "revision", "what is left"]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=True).stdout


def changed(tree: Path) -> list[str]:
    """Returns the files that differ from what is in the repository."""
    here = {path.relative_to(tree / "services") for path in (tree / "services").rglob("*.py")}
    there = {path.relative_to(ROOT / "services") for path in (ROOT / "services").rglob("*.py")}
    return [
        str(path)
        for path in sorted(here | there)
        if path not in here
        or path not in there
        or not filecmp.cmp(tree / "services" / path, ROOT / "services" / path, shallow=False)
    ]
