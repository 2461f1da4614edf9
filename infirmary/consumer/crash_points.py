"""Points at which a test may freeze the consumer, to kill it exactly there."""

import os
import signal
from pathlib import Path


class CrashPoints:
    """Touches a file and stops the process with SIGSTOP when the chosen point is first reached."""

    def __init__(self, point: str | None, file: Path | None) -> None:
        """Prepares the points.

        Args:
            point: `before_commit` or `after_commit`; None, as always in production, for neither.
            file: Touched before the process freezes, so that the test knows.
        """
        self._point, self._file = point, file

    def reached(self, point: str) -> None:
        """Freezes here if this is the point; a process that is woken again goes on."""
        if point == self._point:
            self._point = None
            if self._file is not None:
                self._file.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
