"""Points at which a test may freeze the relay, to kill it exactly there."""

import os
import signal
from pathlib import Path
from typing import Final, Literal, get_args

Point = Literal["after_fetch", "after_publish", "after_confirm", "after_delete"]
POINTS: Final[tuple[Point, ...]] = get_args(Point)


class CrashPoints:
    """Touches a file and stops the process with SIGSTOP when the chosen point is first reached."""

    def __init__(self, point: str | None, file: Path | None) -> None:
        self._point = point
        self._file = file

    def reached(self, point: str) -> None:
        """Freezes here if this is the point; a process that is woken again goes on."""
        if point == self._point:
            self._point = None
            if self._file is not None:
                self._file.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
