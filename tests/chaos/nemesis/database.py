"""Faults of PostgreSQL and of those who use it badly."""

import contextlib
from collections.abc import Iterator
from random import Random
from uuid import uuid4

import psycopg

from local.topology import Engine, Role
from tests.chaos.client.writer import Writer
from tests.chaos.nemesis.fault import Family, NotNow
from tests.chaos.scene import Scene

database = Family("database")


@database.fault("sessions are ended", touches={"postgres"}, for_s=(0.2, 1))
def sessions_ended(scene: Scene, chance: Random) -> Iterator[str]:
    """pg_terminate_backend for every session of one service, as an operator or a failover would."""
    service = scene.some_service(chance, engine=Engine.POSTGRESQL)
    with psycopg.connect(scene.postgres.url) as session:
        ended = session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [service.database]
        ).fetchall()
    if not ended:
        raise NotNow(f"{service.name} has no session")
    yield f"{len(ended)} of {service.name}"


@database.fault("PostgreSQL is restarted", touches={"postgres"}, for_s=(0.2, 2))
def restarted(scene: Scene, _chance: Random) -> Iterator[str]:
    """A fast shutdown, which ends all sessions, and a start."""
    scene.postgres.stop()
    yield "the server"
    scene.postgres.start()


@database.fault("PostgreSQL is killed", touches={"postgres"}, for_s=(0.2, 2))
def killed(scene: Scene, _chance: Random) -> Iterator[str]:
    """SIGKILL; it recovers from its write-ahead log, without the last commits that nobody waited for."""
    scene.postgres.kill()
    yield "the server"
    scene.postgres.start()


@database.fault("a snapshot is held", touches={"snapshot"}, for_s=(5, 30))
def snapshot_held(scene: Scene, _chance: Random) -> Iterator[str]:
    """A read-only transaction in another database holds xmin, so that no dead row can be removed."""
    with contextlib.closing(psycopg.connect(scene.postgres.url)) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.execute("SELECT count(*) FROM pg_class")
        yield "in the database postgres"


@database.fault("a writer stays open", touches={"writer"}, for_s=(5, 30))
def writer_open(scene: Scene, chance: Random) -> Iterator[str]:
    """A transaction takes its outbox id now and commits long after others with later ids."""
    service = scene.some_service(chance, Role.RELAY, Engine.POSTGRESQL)
    with (
        Writer(scene.database_url(service.name), service.name) as writer,
        # When the server is killed meanwhile the transaction is gone, and with it its event: as it should be.
        contextlib.suppress(psycopg.OperationalError),
        writer.open_transaction(f"slow-{uuid4().hex[:8]}"),
    ):
        yield f"in {service.name}"
