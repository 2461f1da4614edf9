"""The progress of a log's reader: alive, but not progressing, is what no probe of the process alone would see.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

STALLED_AFTER_S: Final = 60.0
RESTART_WHEN_STALLED_S: Final = 300.0
"""How long a log may grow while its offset stands still, unless settings say otherwise."""


@dataclass(frozen=True, slots=True)
class StallLimits:
    """How long logs may stand still before somebody is told, and before the process is to be started again.

    Attributes:
        stalled_after_s: Until it is told.
        restart_after_s: Until only a restart is left; 0 for never.
    """

    stalled_after_s: float = STALLED_AFTER_S
    restart_after_s: float = RESTART_WHEN_STALLED_S

    def stalled(self, standing: Mapping[str, float]) -> dict[str, float]:
        """Returns the logs that are told of, each with the seconds since when, of those that stand still."""
        return {log: seconds for log, seconds in standing.items() if seconds >= self.stalled_after_s}

    def wants_restart(self, stalled: Mapping[str, float]) -> bool:
        """Says whether one has stood still for so long that a restart is tried."""
        return 0 < self.restart_after_s <= max(stalled.values(), default=0.0)


class Progress:
    """How one log's reader gets on."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._since: float | None = None

    def seen(self, offset: int | None, end: int | None, held: bool, now: float) -> None:
        """Notes what is seen now and then.

        Args:
            offset: That of the last message applied; None before the first.
            end: The greatest offset that the log is known to have; None when it is not known to have more.
            held: Whether messages of it are parked or wait: then somebody has been told already.
            now: Seconds.
        """
        is_behind = end is not None and end > (-1 if offset is None else offset)
        if not is_behind or held:
            self._since = None
        elif self._since is None or offset != self._offset:
            self._since = now
        self._offset = offset

    def forget(self) -> None:
        """Leaves the log to another process."""
        self._since = None

    def standing_s(self, now: float) -> float:
        """Returns for how long the log has had more while its offset stood still; 0 when it gets on."""
        return 0.0 if self._since is None else now - self._since
