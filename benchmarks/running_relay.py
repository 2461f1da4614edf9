"""A relay that runs as a process of its own, and what can be seen of it from outside."""

import signal
from dataclasses import dataclass

from benchmarks import machine
from local.process import Process


@dataclass(frozen=True)
class RunningRelay:
    """`python -m infirmary_relay`."""

    process: Process

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            RuntimeError: it has ended.
        """
        pid = self.process.pid
        if pid is None:
            raise RuntimeError(f"the relay has ended ({self.process.exit_code}): {self.process.end_of_log()}")
        return pid

    @property
    def cpu_s(self) -> float:
        """The processor time that it has used."""
        return machine.cpu_s(self.pid)

    @property
    def peak_rss_mib(self) -> float:
        """The most memory that it has held."""
        return machine.peak_rss_mib(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        self.process.send(number)
