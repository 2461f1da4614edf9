"""The readiness of a process, with the reason if it is not ready: the same for /readyz and for its metrics."""

import platform
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from prometheus_client import Gauge

from infirmary import __version__

BUILD = Gauge(
    "infirmary_build_info",
    "Which version runs? Always 1; the labels tell the version of the code and that of Python.",
    ["version", "python"],
)
READY = Gauge("infirmary_ready", "Does this process work? 1 while /readyz answers 200, otherwise 0.")
NOT_READY = Gauge(
    "infirmary_not_ready",
    "Why does this process not work? 1 for the reason that /readyz gives in words, 0 for all others.",
    ["reason"],
)


class ProcessProblem(NamedTuple):
    """Why a process does not work.

    Attributes:
        reason: One of a few words that are known in advance.
        words: What a person reads.
    """

    reason: str
    words: str


class Health(Protocol):
    """What a process knows of itself."""

    @property
    def reasons(self) -> Iterable[str]:
        """All reasons for which it may not be ready."""
        ...

    def stuck(self) -> str | None:
        """Returns why the process should be killed, or None."""
        ...

    def problem(self) -> ProcessProblem | None:
        """Returns why the process does not work, or None."""
        ...


def expect_readiness(health: Health) -> None:
    """Shows the build, and nought for all reasons."""
    BUILD.labels(__version__, platform.python_version()).set(1)
    for reason in health.reasons:
        NOT_READY.labels(reason)


def show_readiness(health: Health) -> None:
    """Brings the metrics up to date: at each scrape, so that no loop that hangs leaves an old answer behind."""
    problem = health.problem()
    READY.set(problem is None)
    for reason in health.reasons:
        NOT_READY.labels(reason).set(problem is not None and problem.reason == reason)
