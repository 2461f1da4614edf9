"""What the three servers have in common: start, readiness, stop, and use as a context manager."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from local.errors import LocalError
from local.process import Process

READY_DEADLINE_S = 60.0
LOOK_EVERY_S = 0.1

# A server that has ended this often while it starts has a reason that will not go away.
MOST_ENDS = 20


class Server(ABC):
    """A server for the hospital: a private one that we start, or an external one, which was there already."""

    name: str
    description: str
    """What it is, in a few words for people."""

    url: str
    """The administrator's URL."""

    processes: tuple[Process, ...] = ()
    """What a supervisor has to watch, in the order of their start; the last one is the server itself."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tells whether the server takes requests now."""

    def launch(self) -> None:
        """Starts the server and does not wait; it keeps its port and its data from the last time."""
        for process in self.processes:
            process.start()

    def wait_until_ready(self, deadline_s: float = READY_DEADLINE_S) -> None:
        """Waits until the server takes requests.

        A server that ends while it starts is started again: after a SIGKILL the remains of the last one may hold a lock
        for a moment.

        Raises:
            LocalError: it does not within the deadline; the message has the end of its log.
        """
        self._wait_for(self._answers, deadline_s)

    def _wait_for(self, is_ready: Callable[[], bool], deadline_s: float = READY_DEADLINE_S) -> None:
        give_up_at, ends = time.monotonic() + deadline_s, 0
        while not is_ready():
            ends += any(process.pid is None for process in self.processes)
            if ends > MOST_ENDS or time.monotonic() > give_up_at:
                raise LocalError(f"{self.name} did not get ready.\n{self._ends_of_logs()}")
            time.sleep(LOOK_EVERY_S)
            for process in self.processes:
                process.start()

    def _ends_of_logs(self) -> str:
        return "\n".join(f"{process.log_path}:\n{process.end_of_log()}" for process in self.processes)

    def start(self) -> None:
        """Starts the server and waits until it takes requests; on the same port and data as the last time.

        Raises:
            LocalError: it does not get ready.
        """
        self.launch()
        self.wait_until_ready()

    def stop(self) -> None:
        """Stops the server in good order; it stays down until `start`."""
        for process in reversed(self.processes):
            process.stop()

    def ask_to_stop(self) -> None:
        """Asks the server to stop and does not wait, as `stop` does afterwards."""
        for process in self.processes[-1:]:
            process.ask_to_stop()

    def kill(self) -> None:
        """Kills the server (SIGKILL); it stays down until `start`."""
        for process in reversed(self.processes):
            process.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
