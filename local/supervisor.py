"""Keeps processes running: one that has ended is started again, at once the first time, later when it keeps failing."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from local.process import Process

LOOK_EVERY_S = 0.2
LONGEST_DELAY_S = 5.0
LONGEST_DELAY_AFTER_KILL_S = 1.0
SETTLED_AFTER_S = 10.0


def restart_delay_s(failures: int, exit_code: int) -> float:
    """Returns how long to wait before a process is started again.

    Args:
        failures: How often in a row it has ended soon after its start.
        exit_code: Its last one. A process that ends by itself with an error will most likely do so again; one that was
            killed (a negative code) or asked to stop (0) is not to blame, and is back within a second.
    """
    if failures == 0:
        return 0.0
    longest = LONGEST_DELAY_S if exit_code > 0 else LONGEST_DELAY_AFTER_KILL_S
    return float(min(0.25 * 2**failures, longest))


@dataclass
class _Record:
    """What the supervisor remembers of one process."""

    failures: int = 0
    start_at: float | None = None


@dataclass(eq=False)
class Supervisor:
    """Watches processes from a thread of its own, and starts again those that ended although they are wanted."""

    on_restart: Callable[[Process, int], None] = lambda _process, _exit_code: None
    _processes: dict[Process, _Record] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def watch(self, processes: Iterable[Process]) -> None:
        """Adds processes to those that are kept running, and starts watching with the first."""
        self._processes = self._processes | {process: _Record() for process in processes}
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stops watching. Stop the processes first: on Linux those that were started again end with the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            for process, record in self._processes.items():
                self._look_at(process, record, time.monotonic())

    def _look_at(self, process: Process, record: _Record, now: float) -> None:
        exit_code = process.exit_code
        if exit_code is None or not process.wanted:
            record.start_at = None
            return
        if record.start_at is None:
            record.failures = 0 if now - process.started_at > SETTLED_AFTER_S else record.failures
            record.start_at = now + restart_delay_s(record.failures, exit_code)
            record.failures += 1
        if now >= record.start_at:
            record.start_at = None
            process.start_again()
            self.on_restart(process, exit_code)
