"""The folder of one run: its lock, its environment file, and a record of its processes.

At most one hospital runs in a folder. The record lets the next one clear away what a killed one may have left.
"""

import contextlib
import fcntl
import json
import os
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.credentials import write_private
from local.errors import LocalError
from local.parent_death import stop_groups
from local.process_identity import identity_of

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_RUN_DIR = REPOSITORY / ".run"


class RunDir:
    """Paths and state of a run."""

    def __init__(self, path: Path = DEFAULT_RUN_DIR) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.data = self.path / "data"
        self.environment_file = self.path / "infirmary.env"
        self._lock_file = self.path / "lock"
        self._record = self.path / "processes.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder for this process, after clearing away what a killed holder left.

        Raises:
            LocalError: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("a+") as lock:
            if not _try_lock(lock.fileno()):
                raise LocalError(f"a hospital is running in {self.path}: `make down` stops it")
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self.clear_remains()
            try:
                yield
            finally:
                self._record.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """Returns the process id of the hospital that runs here, None when there is none."""
        if not self._lock_file.exists():
            return None
        with self._lock_file.open("r+") as lock:
            if _try_lock(lock.fileno()):
                return None
            return int(lock.read() or 0) or None

    def record(self, pids: Mapping[str, int]) -> None:
        """Notes the processes that run now, by name, and what tells them from later holders of their numbers."""
        identities = {name: identity_of(pid) for name, pid in pids.items()}
        entries = [{"name": name, "pid": pid, "birth": identities[name]} for name, pid in pids.items()]
        write_private(self._record, json.dumps(entries, indent=1))

    def recorded(self) -> dict[str, int]:
        """Returns the noted processes that still run, by name. One that has another's number now is not among them."""
        if not self._record.exists():
            return {}
        entries = json.loads(self._record.read_text())
        return {
            entry["name"]: entry["pid"]
            for entry in entries
            if entry["birth"] and identity_of(entry["pid"]) == entry["birth"]
        }

    def clear_remains(self) -> None:
        """Stops what a killed hospital has left running here, and removes its files."""
        stop_groups(dict.fromkeys(self.recorded().values(), signal.SIGTERM), grace_s=5.0)
        self._record.unlink(missing_ok=True)
        self.environment_file.unlink(missing_ok=True)

    def stop_holder(self, deadline_s: float = 60.0) -> bool:
        """Asks the hospital that runs here to stop, waits for it, and kills it if it does not.

        Returns False when none was running; what a killed one left is cleared away all the same.
        """
        pid = self.holder()
        if pid is not None:
            give_up_at = time.monotonic() + deadline_s
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                while self.holder() is not None and time.monotonic() < give_up_at:
                    time.sleep(0.1)
                if self.holder() is not None:
                    os.kill(pid, signal.SIGKILL)
        self.clear_remains()
        return pid is not None

    @contextmanager
    def environment_written(self, environment: Mapping[str, str]) -> Iterator[None]:
        """Keeps the file that a shell can source for as long as the hospital is ready. Only its owner can read it."""
        write_private(self.environment_file, environment_lines(environment))
        try:
            yield
        finally:
            self.environment_file.unlink(missing_ok=True)

    def read_environment(self) -> dict[str, str]:
        """Reads that file back.

        Raises:
            LocalError: there is none, since the hospital is not ready.
        """
        if not self.environment_file.exists():
            raise LocalError("the hospital is just starting or stopping: wait a moment and try again")
        return variables_in(self.environment_file)


def environment_lines(environment: Mapping[str, str]) -> str:
    """Returns the variables as a shell would set them, one quoted line each."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())


def variables_in(file: Path) -> dict[str, str]:
    """Returns the variables that such lines set."""
    pairs = (shlex.split(line)[0].partition("=") for line in file.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
