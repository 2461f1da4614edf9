"""Keeps a service's consumer away while its database is restored."""

import time
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from infirmary.restoring.database import CannotRestore

READERS_LET_GO_WITHIN_S: Final = 30.0
"""So long a restore waits for a consumer to see the mark and to leave its logs."""

_LOOK_AGAIN_S: Final = 0.5


class Owning(Protocol):
    """Who reads which log."""

    def own(self, log: str) -> bool:
        """Takes a log that nobody reads."""
        ...

    def offsets(self) -> Mapping[str, int | None]:
        """Returns the offset of every log that was ever read."""
        ...


def become_only_reader(positions: Owning, service: str, reads: Collection[str]) -> None:
    """Takes all logs that a service reads, and has ever read.

    Raises:
        CannotRestore: A consumer does not let them go.
    """
    until = time.monotonic() + READERS_LET_GO_WITHIN_S
    wanted = {*reads, *positions.offsets()}
    while others := sorted(log for log in wanted if not positions.own(log)):
        if time.monotonic() > until:
            raise CannotRestore(f"a consumer of {service} still reads {', '.join(others)}; stop it, and restore again")
        time.sleep(_LOOK_AGAIN_S)
