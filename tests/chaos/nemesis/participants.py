"""Faults of a saga's participants: down, late, slow."""

import contextlib
import signal
from collections.abc import Iterator
from random import Random

import psycopg
from psycopg import sql

from local.topology import SERVICES, Role
from tests.chaos.nemesis.fault import Family
from tests.chaos.scene import Scene

participants = Family("participants")

ASKED = ("ward", "patient", "billing", "inventory", "notification")
"""The services that take part in sagas."""


@participants.fault("a participant is down", touches={"consumers"}, for_s=(3, 8))
def down(scene: Scene, chance: Random) -> Iterator[str]:
    """Its consumer is dead and stays so for longer than a step's timeout."""
    consumer = scene.hospital.process(chance.choice(ASKED), Role.CONSUMER)
    consumer.kill()
    yield consumer.name
    consumer.start()


@participants.fault("a participant answers late", touches={"consumers"}, for_s=(6, 9))
def late(scene: Scene, chance: Random) -> Iterator[str]:
    """It is frozen until its saga has asked again: then it answers both."""
    consumer = scene.hospital.process(chance.choice(ASKED), Role.CONSUMER)
    consumer.send(signal.SIGSTOP)
    yield consumer.name
    consumer.send(signal.SIGCONT)


@participants.fault("a participant is slow", touches={"postgres"}, for_s=(1.5, 2.8))
def slow(scene: Scene, chance: Random) -> Iterator[str]:
    """Somebody holds a lock on its answers, nearly as long as it waits for one."""
    name = chance.choice(ASKED[:-1])
    (database,) = (service.database for service in SERVICES if service.name == name)
    url = scene.postgres.url.rpartition("/")[0] + f"/{database}"
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as session:
        session.execute(sql.SQL("LOCK TABLE saga_outcome IN EXCLUSIVE MODE"))
        yield name
