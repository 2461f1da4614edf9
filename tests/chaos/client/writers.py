"""Programs that write events over SQL into the outboxes of several services, each about subjects of its own."""

import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

import psycopg

from tests.chaos.client.writer import Writer

PAUSE_S = (0.1, 0.4)
SUBJECTS = 6
MOST_EVENTS = 4


class Writers:
    """One writer for each service, while the block lasts."""

    def __init__(self, services: list[str], seed: int, database_url: Callable[[str], str]) -> None:
        """Prepares the writers.

        Args:
            services: Whose outboxes are written.
            seed: What is left to chance.
            database_url: Leads to a service's database.
        """
        self.done: Counter[str] = Counter()
        self._database_url = database_url
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(service, Random(f"{seed}/{service}")), daemon=True)
            for service in services
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, service: str, chance: Random) -> None:
        while not self._stopping.wait(1):
            try:
                with Writer(self._database_url(service), service) as writer:
                    while not self._stopping.wait(chance.uniform(*PAUSE_S)):
                        writer.write(f"noted-{chance.randrange(SUBJECTS)}", chance.randint(1, MOST_EVENTS))
                        self.done["write over SQL"] += 1
            except psycopg.Error:
                continue  # the database is away; whether the last transaction came through is in its outbox_sequence
