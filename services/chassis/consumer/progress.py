"""Whether the reader of a log gets on: alive, but not progressing, is what no probe of the process alone would see.

Pure.
"""

from typing import Final

STALLED_AFTER_S: Final = 60.0
"""How long a log may grow while its offset stands still, unless a setting says otherwise."""


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
