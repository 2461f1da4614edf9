"""The counting service's consumers as processes of their own, and what a test sees of them from outside."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

from infirmary.consumer.applying import Applier
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.loop import Consumer, Session
from infirmary.observing.health import Liveness
from infirmary.postgres.database import is_transient
from infirmary.postgres.notify import Notifier
from infirmary.postgres.store import PostgresStore
from infirmary.settings import Settings
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG, Faults, handlers_of
from tests.integration.reading import brokers

_HELD = """
SELECT pid, count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid ORDER BY 2, 1
"""


@dataclass
class Readers:
    """Consumers of the counting service that share out the parts of the log."""

    counting: Counting
    rabbitmq_url: str
    processes: list[BaseProcess]

    def start(self, count: int) -> None:
        """Starts so many more."""
        for _ in range(count):
            arguments = (self.counting.settings.database_url, self.rabbitmq_url, self.counting.reading_port)
            self.processes.append(get_context("spawn").Process(target=read_log, args=arguments, daemon=True))
            self.processes[-1].start()

    def kill_one(self) -> None:
        """Kills one with SIGKILL."""
        killed = self.processes.pop(0)
        killed.kill()
        killed.join()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops all of them with SIGSTOP for as long as it lasts."""
        for process in self.processes:
            os.kill(process.pid or 0, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self.processes:
                os.kill(process.pid or 0, signal.SIGCONT)

    def shares(self) -> list[int]:
        """Returns how many parts each reader has, the smallest share first; who has none does not show."""
        return [count for _, count in self.counting.rows(_HELD)]


@contextmanager
def readers(counting: Counting, rabbitmq_url: str) -> Iterator[Readers]:
    """Gives the readers, at first none; whoever is left at the end is stopped as an orchestrator would."""
    all_of_them = Readers(counting, rabbitmq_url, [])
    try:
        yield all_of_them
    finally:
        for process in all_of_them.processes:
            process.terminate()
        for process in all_of_them.processes:
            process.join(20)
            process.kill()


def read_log(database_url: str, rabbitmq_url: str, reading_port: int) -> None:
    """Runs a consumer until SIGTERM."""
    settings = Settings(database_url=database_url, rabbitmq_url=rabbitmq_url)
    notifier = Notifier(settings, "counting")

    def connect() -> Session:
        dispatcher = Dispatcher(handlers_of(Faults()))
        store = PostgresStore("counting", settings, dispatcher, notifier)
        applier = Applier(store, dispatcher.handles, dispatcher.series, 30)
        broker, reads_logs = brokers(rabbitmq_url, reading_port)
        return Session("counting", [LOG], store, applier, broker, 100, reads_logs=reads_logs)

    consumer = Consumer(connect, is_transient, Liveness())
    signal.signal(signal.SIGTERM, lambda *_: consumer.stop())
    consumer.run()
    notifier.close()
