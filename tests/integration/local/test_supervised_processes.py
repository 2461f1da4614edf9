"""Children are stopped, killed and started again; none outlives its parent, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.errors import LocalError
from local.process import Process, run_to_end
from local.rundir import REPOSITORY
from local.supervisor import Supervisor
from tests.integration.local.waiting import eventually, is_gone

PATIENT_MAN = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
WITH_A_CHILD = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"


def child(folder: Path, program: str, stop_deadline_s: float = 10.0) -> Process:
    return Process("child", [sys.executable, "-c", program], folder / "child.log", stop_deadline_s=stop_deadline_s)


def pid_of(process: Process) -> int:
    assert process.pid is not None
    return process.pid


def said(process: Process) -> str:
    assert eventually(lambda: process.end_of_log() != "")
    return process.end_of_log()


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop()


def test_a_stopped_child_is_gone(tmp_path: Path) -> None:
    process = child(tmp_path, PATIENT_MAN)
    process.start()
    pid = pid_of(process)
    process.stop()
    assert process.pid is None
    assert is_gone(pid)


def test_a_child_that_does_not_listen_is_killed_after_its_deadline(tmp_path: Path) -> None:
    process = child(tmp_path, STUBBORN, stop_deadline_s=0.2)
    process.start()
    pid = pid_of(process)
    assert said(process) == "deaf"
    process.stop()
    assert is_gone(pid)


def test_a_child_that_was_frozen_is_stopped_too(tmp_path: Path) -> None:
    process = child(tmp_path, PATIENT_MAN)
    process.start()
    pid = pid_of(process)
    process.send(signal.SIGSTOP)
    process.stop()
    assert is_gone(pid)


def test_what_a_killed_child_had_started_is_gone_before_the_next_start(tmp_path: Path) -> None:
    process = child(tmp_path, WITH_A_CHILD)
    process.start()
    grandchild = int(said(process))
    process.crash()
    process.start()
    assert eventually(lambda: is_gone(grandchild))
    process.stop()


def test_a_killed_child_runs_again_within_two_seconds(tmp_path: Path, supervisor: Supervisor) -> None:
    process = child(tmp_path, PATIENT_MAN)
    process.start()
    supervisor.watch([process])
    for _ in range(3):
        pid = pid_of(process)
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda pid=pid: process.pid not in (None, pid))  # type: ignore[misc]
    process.stop()


def test_a_child_that_was_told_to_stay_down_stays_down(tmp_path: Path, supervisor: Supervisor) -> None:
    held, witness = child(tmp_path, PATIENT_MAN), child(tmp_path, PATIENT_MAN)
    for process in (held, witness):
        process.start()
    supervisor.watch([held, witness])
    held.kill()
    pid = pid_of(witness)
    witness.crash()
    assert eventually(lambda: witness.pid not in (None, pid))
    assert held.pid is None
    held.start()
    assert pid_of(held)
    for process in (held, witness):
        process.stop()


def test_a_child_that_fails_at_once_is_tried_less_and_less_often(tmp_path: Path, supervisor: Supervisor) -> None:
    starts: list[float] = []
    supervisor.on_restart = lambda _process, _exit_code: starts.append(time.monotonic())
    process = child(tmp_path, "raise SystemExit(3)")
    process.start()
    supervisor.watch([process])
    assert eventually(lambda: len(starts) >= 4)
    process.stop()
    assert starts[1] - starts[0] < starts[2] - starts[1] < starts[3] - starts[2]


def test_processes_run_to_their_ends_and_a_failure_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    run_to_end([child(tmp_path, "print('done')") for _ in range(3)], at_once=2, deadline_s=30)
    with pytest.raises(LocalError, match=r"failed \(4\)[\s\S]*no such table"):
        run_to_end([child(tmp_path, "print('no such table'); raise SystemExit(4)")], at_once=2, deadline_s=30)


PARENT = """
import signal, sys
from pathlib import Path
from local.process import Process
folder = Path(sys.argv[1])
children = [Process("child", [sys.executable, "-c", program], folder / "log") for program in sys.argv[2:]]
for child in children:
    child.start()
children[0].send(signal.SIGSTOP)
print(*[child.pid for child in children], flush=True)
signal.pause()
"""


def test_no_child_outlives_a_killed_parent_not_even_a_frozen_or_a_stubborn_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), PATIENT_MAN, PATIENT_MAN, STUBBORN]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3
        parent.kill()
    assert eventually(lambda: all(map(is_gone, pids)), deadline_s=30)
