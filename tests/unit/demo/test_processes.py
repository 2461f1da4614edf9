"""The demo kills what the launcher has on record, and nothing else."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import Processes
from local.rundir import RunDir

ENV = {"PATIENT_URL": "http://127.0.0.1:8101"}


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_recorded_process_is_killed(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    run_dir.record({"ward-relay": child.pid})
    processes = Processes(run_dir, ENV)
    assert processes.known()
    assert processes.kill("ward-relay").who == f"process {child.pid}"
    assert child.wait(10) == -signal.SIGKILL


def test_what_is_not_on_record_cannot_be_killed(tmp_path: Path) -> None:
    processes = Processes(RunDir(tmp_path), ENV)
    assert not processes.known()
    with pytest.raises(ProcessLookupError, match="ward-relay does not run"):
        processes.kill("ward-relay")


def test_a_killed_process_without_a_successor_is_not_back(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    run_dir.record({"ward-relay": child.pid})
    processes = Processes(run_dir, ENV)
    killed = processes.kill("ward-relay")
    with pytest.raises(TimeoutError, match="ward-relay was killed and is not back"):
        processes.wait_until_back(killed, within_s=0.0)
