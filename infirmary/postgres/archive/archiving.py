"""What the two passes have in common that move what is old enough into the archive, some at a time."""

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import psycopg

from infirmary.postgres.archive.partitions import Partitions

_DAY_S: Final = 86_400.0


class Archiving:
    """A pass over the ids of sagas, from the oldest on."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        partitions: Partitions,
        after_days: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepares a pass.

        Args:
            connection: In autocommit mode.
            partitions: Those of the archive.
            after_days: How old the sagas are to be.
            clock: Unix time.
        """
        self._connection, self._partitions = connection, partitions
        self._age_s, self._clock = after_days * _DAY_S, clock
        self._after = UUID(int=0)  # what is left behind in this pass is not looked at again and again
