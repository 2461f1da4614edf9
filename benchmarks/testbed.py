"""What the benchmarks stand on: private servers, fresh databases and logs, and relays as in production."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks import machine
from benchmarks.rows import AGGREGATES, PREPARED, WRITER, fill
from benchmarks.running_relay import RunningRelay
from benchmarks.targets import declare, delete, disown
from infirmary.postgres.migrate import migrate, migrate_library
from infirmary.settings import Settings
from local.process import Process
from local.rundir import REPOSITORY
from local.servers.choice import Servers, servers_for

P = ParamSpec("P")
T = TypeVar("T")

_TEMPLATE = "benchmark"
_PRESCRIPTION, _PRESCRIPTION_TEMPLATE = "prescription", "benchmark_prescription"
_AGGREGATE = """
CREATE TABLE aggregate (aggregate_id integer PRIMARY KEY, state integer NOT NULL) WITH (fillfactor = 50);
INSERT INTO aggregate SELECT n, 0 FROM generate_series(1, %s) n;
"""


class Testbed:
    """The servers of one run."""

    def __init__(self, servers: Servers, logs: Path) -> None:
        self.postgres = servers.postgres
        self.rabbitmq = servers.rabbitmq
        self.logs = logs
        self.postgres.databases.make_template(_TEMPLATE, _create_tables)
        self.postgres.databases.make_template(_PRESCRIPTION_TEMPLATE, _migrate_prescription)

    @property
    def reading(self) -> dict[str, str]:
        """The settings of a consumer by which it reads logs in this broker's best way."""
        return {"rabbitmq_stream_port": str(self.rabbitmq.stream_port)}

    def broker_cpu_s(self) -> float:
        """The processor time that the broker has used; 0 where it is not a process of this machine's."""
        processes = getattr(self.rabbitmq, "processes", ())
        pid = processes[-1].pid if processes else None
        return machine.cpu_s(pid) if pid is not None else 0.0

    def database_cpu_s(self) -> float:
        """The processor time that PostgreSQL has used, in all its processes; 0 where it is not on this machine."""
        processes = getattr(self.postgres, "processes", ())
        pid = processes[-1].pid if processes else None
        return machine.family_cpu_s(pid) if pid is not None else 0.0

    @contextmanager
    def database(self) -> Iterator[str]:
        """Gives the URL of a fresh database with the library's tables, a table of aggregates and no rows prepared."""
        with self.postgres.databases.clone(_TEMPLATE) as url:
            yield url

    @contextmanager
    def prescription_database(self) -> Iterator[tuple[str, UUID]]:
        """Gives the URL of a fresh database of the prescription service, and a patient of whom it has heard."""
        patient_id = uuid4()
        with self.postgres.databases.clone(_PRESCRIPTION_TEMPLATE) as url:
            with self.session(url) as session:
                session.execute("INSERT INTO patient_snapshot VALUES (%s, 'Ada Lovelace', 1)", (patient_id,))
            yield url, patient_id

    @contextmanager
    def target(self, kind: Literal["stream", "quorum"], service: str = WRITER) -> Iterator[str]:
        """Gives the name of a new log or queue of a service's, and deletes it afterwards."""
        name = f"{service}.{'events' if kind == 'stream' else 'inbox'}"
        declare(self.rabbitmq.url, name)
        try:
            yield name
        finally:
            delete(self.rabbitmq.url, name)

    @contextmanager
    def log_to(self, peer: str, writer: str) -> Iterator[str]:
        """Gives the name of a new log of a writer's commands to a peer, and deletes it afterwards."""
        name = f"{writer}.to.{peer}"
        declare(self.rabbitmq.url, name)
        try:
            yield name
        finally:
            delete(self.rabbitmq.url, name)

    @contextmanager
    def relay(self, database_url: str, target: str, **settings: str) -> Iterator[RunningRelay]:
        """Runs `python -m infirmary_relay` on a database, with its default settings except those given."""
        disown(self.rabbitmq.url, WRITER)
        process = Process(
            "relay",
            [sys.executable, "-m", "infirmary_relay", WRITER],
            log_path=self.logs / "relay.log",
            environment={name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
            | {
                "DATABASE_URL": database_url,
                "RABBITMQ_URL": self.rabbitmq.url,
                "RABBITMQ_STREAM_PORT": str(self.rabbitmq.stream_port),
                "RELAY_DECLARE": target,
                "PYTHONPATH": str(REPOSITORY / "relay"),
            }
            | settings,
            working_dir=REPOSITORY,
        )
        process.start()
        try:
            yield RunningRelay(process)
        finally:
            process.stop()

    def refill(self, session: psycopg.Connection, target: str, rows: int) -> None:
        """Empties the outbox and fills it with so many of the prepared rows.

        The checkpoint comes before, so that every round writes the first images of its pages while it fills, and not
        while it drains.
        """
        with psycopg.connect(self.postgres.url, autocommit=True) as administrator:
            administrator.execute("CHECKPOINT")
        fill(session, target, rows)

    def delay_commits(self, database_url: str, delay_us: int) -> None:
        """Lets every later session of a database wait before it flushes the log at a commit, as for a slower disk."""
        database = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
        with psycopg.connect(self.postgres.url, autocommit=True) as administrator:
            for setting, value in (("commit_delay", delay_us), ("commit_siblings", 0)):
                administrator.execute(
                    sql.SQL("ALTER DATABASE {} SET {} = {}").format(database, sql.Identifier(setting), value)
                )

    def session(self, database_url: str) -> psycopg.Connection:
        """Opens a session of ours with a database."""
        return psycopg.connect(database_url, autocommit=True, application_name="benchmark")


@contextmanager
def running_testbed(folder: Path) -> Iterator[Testbed]:
    """Starts the servers, and stops them at the end."""
    servers = servers_for(folder / "data", folder / "logs", announce=print)
    with ExitStack() as stack:
        for server in (servers.rabbitmq, servers.postgres):
            stack.enter_context(server)
        yield Testbed(servers, folder / "logs")


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a function in a process of its own, as a relay would be, and returns its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool_of_one:
        return pool_of_one.submit(function, *args, **kwargs).result()


def _migrate_prescription(url: str) -> None:
    migrate(_PRESCRIPTION, Settings(database_url=url))


def _create_tables(url: str) -> None:
    migrate_library(WRITER, Settings(database_url=url))
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(PREPARED)
        session.execute(_AGGREGATE % AGGREGATES)
