"""A child process that is asked to stop, then killed, and never outlives us."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import LocalError
from local.parent_death import PARENT_DEATH, death_signal_prefix

LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True)
class Account:
    """Under whom a command runs, when not under ourselves."""

    prefix: Sequence[str] = ()
    user: int | None = None
    group: int | None = None

    def take_over(self, *paths: Path) -> None:
        """Makes files and folders of ours its own."""
        if self.user is not None and self.group is not None:
            for path in paths:
                os.chown(path, self.user, self.group)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, and returns how it ended and what it has said."""
        return subprocess.run(
            [*self.prefix, *command],
            capture_output=True,
            text=True,
            check=False,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )


@dataclass(eq=False)
class Process:
    """One child: what it runs, and how it is started, stopped and killed.

    A supervisor starts it again only while it is `wanted`: `crash` leaves it so, `stop` and `kill` do not. Start
    it from a thread that lives as long as the child should: on Linux it gets its stop signal when that thread ends.
    """

    name: str
    command: Sequence[str]
    log_path: Path
    environment: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_deadline_s: float = 10.0
    account: Account = Account()
    working_dir: Path | None = None
    wanted: bool = field(default=False, init=False)
    started_at: float = field(default=0.0, init=False)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """The running child's process id, None when there is none."""
        return self._child.pid if self._child is not None and self.exit_code is None else None

    @property
    def exit_code(self) -> int | None:
        """How the last child ended: its exit status, minus the signal that killed it, or None while it runs."""
        child = self._child
        return None if child is None else child.poll()

    def start(self) -> None:
        """Starts the child unless it runs already."""
        with self._lock:
            self.wanted = True
            if self.pid is not None:
                return
            self.clear_remains()
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            _turn_over(self.log_path)
            with self.log_path.open("ab") as log:
                self._child = self._spawn(log.fileno())
            self.started_at = time.monotonic()
            PARENT_DEATH.watch(self._child.pid, self.stop_signal)

    def start_again(self) -> None:
        """Starts the child unless somebody has stopped it in the meantime."""
        with self._lock:
            if self.wanted:
                self.start()

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.account.prefix, *death_signal_prefix(self.stop_signal), *self.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment,
            cwd=self.working_dir,
            start_new_session=True,
            user=self.account.user,
            group=self.account.group,
            extra_groups=None if self.account.user is None else [],
        )

    def ask_to_stop(self) -> None:
        """Sends the stop signal and does not wait; no supervisor starts the child again."""
        with self._lock:
            self.wanted = False
            self.send(self.stop_signal)
            self.send(signal.SIGCONT)  # a stopped process would never see the signal

    def stop(self) -> None:
        """Asks the child to stop and kills it when it has not within its deadline."""
        self.ask_to_stop()
        self.wait_or_kill(self.stop_deadline_s)

    def wait_or_kill(self, deadline_s: float) -> None:
        """Waits for the child's end, then kills what is left of it."""
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(deadline_s)
            self.kill()

    def kill(self) -> None:
        """Kills the child (SIGKILL); it stays down until `start`."""
        with self._lock:
            self.wanted = False
            self.crash()

    def crash(self) -> None:
        """Kills the child (SIGKILL) as a fault would: a supervisor starts it again."""
        child = self._child
        if child is not None:
            child.kill()
            child.wait()
            if not self.wanted:
                self.clear_remains()

    def send(self, number: signal.Signals) -> None:
        """Sends the child a signal, for example SIGSTOP; nothing happens when it does not run."""
        child = self._child
        if child is not None:
            child.send_signal(number)

    def clear_remains(self) -> None:
        """Kills what an ended child has left behind in its process group.

        A web server's workers, for one, outlive their killed master for a second and keep its port.
        """
        child = self._child
        if child is not None and child.poll() is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            PARENT_DEATH.forget(child.pid)
            self._child = None

    def end_of_log(self, lines: int = 15) -> str:
        """Returns the end of the child's log."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])


def stop_all(processes: Sequence[Process]) -> None:
    """Asks all of them to stop at once, waits for each until its deadline, and kills what is left."""
    for process in processes:
        process.ask_to_stop()
    begun_at = time.monotonic()
    for process in processes:
        process.wait_or_kill(max(0.0, begun_at + process.stop_deadline_s - time.monotonic()))


def run_to_end(processes: Sequence[Process], at_once: int, deadline_s: float) -> None:
    """Runs processes that end by themselves, some at a time.

    Raises:
        LocalError: one failed or was still running at the deadline; the message has the end of its log.
    """
    waiting, running = list(processes), list[Process]()
    give_up_at = time.monotonic() + deadline_s
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(waiting.pop(0))
                running[-1].start()
            for process in running:
                if process.exit_code or time.monotonic() > give_up_at:
                    outcome = "did not end in time" if process.exit_code is None else f"failed ({process.exit_code})"
                    raise LocalError(f"{process.name} {outcome}. {process.log_path} ends with:\n{process.end_of_log()}")
            running = [process for process in running if process.exit_code is None]
            time.sleep(0.02)
    finally:
        for process in processes:
            process.kill()


def _turn_over(log_path: Path) -> None:
    if log_path.exists() and log_path.stat().st_size > LOG_LIMIT_BYTES:
        log_path.replace(log_path.with_suffix(log_path.suffix + ".1"))
