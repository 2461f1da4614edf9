"""The health of an API's process: whether its loop turns, and what its database says."""

from typing import ClassVar, Protocol

from infirmary.observing.health import Liveness, Reason
from infirmary.observing.readiness import ProcessProblem


class AsksDatabase(Protocol):
    """Who can say how the database is."""

    def problem(self) -> ProcessProblem | None:
        """Returns why the database cannot be used now, or None."""
        ...


class ApiHealth:
    """Not ready before the first turn of the loop that serves clients, and when it is told to stop."""

    reasons: ClassVar = (
        Reason.STARTING,
        Reason.DATABASE_AWAY,
        Reason.SCHEMA,
        Reason.STOPPING,
        Reason.LOOP_HANGS,
    )

    def __init__(self, storage: AsksDatabase) -> None:
        self._storage = storage
        self._liveness = Liveness()

    def turned(self, goes_on: bool) -> None:
        """Notes a turn of the loop.

        Args:
            goes_on: Whether it takes new clients.
        """
        self._liveness.beat(None if goes_on else ProcessProblem(Reason.STOPPING, "it is stopping"))

    def stuck(self) -> str | None:
        """Returns why the process should be killed, or None."""
        return self._liveness.stuck()

    def problem(self) -> ProcessProblem | None:
        """Returns why requests cannot be answered, or None."""
        return self._liveness.problem() or self._storage.problem()
