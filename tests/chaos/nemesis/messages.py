"""Faults of the messages themselves: poison, repeats, and what overtakes another."""

import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any
from uuid import UUID, uuid4

import amqp
import psycopg

from audit.hospital import READS
from audit.log_parts import is_of_commands, name_of
from local.topology import SERVICES, Engine, Role
from tests.chaos.nemesis.fault import Family, NotNow
from tests.chaos.nemesis.post import Post
from tests.chaos.scene import Scene

messages = Family("messages")

MOST_REPEATED = 200
DISCARD_WITHIN_S = 120.0
POISON = b"\x00 this is not JSON"
_NEEDED_TO_PARK = {"broker", "consumers", "postgres"}
"""Healing waits until the poison is parked: what keeps it from being parked must not wait for that healing."""

_POISONED = "patient"
"""Whose log is poisoned: all of its readers have a PostgreSQL database to discard the poison from."""


@messages.fault("a poisoned command", touches=_NEEDED_TO_PARK, for_s=(1, 4))
def poisoned_command(scene: Scene, chance: Random) -> Iterator[str]:
    """It is parked and everything else flows on, until an operator discards it."""
    in_reach = {service.name for service in SERVICES if service.engine is Engine.POSTGRESQL}
    of_commands = [(each, log) for each in in_reach for log in READS.get(each, ()) if is_of_commands(log)]
    service, log = chance.choice(sorted(of_commands))
    with _post(scene) as post:
        if post.length(log) is None:
            raise NotNow(f"there is no {log} yet")
        poison = post.command(log, "Nonsense", str(uuid4()), 1, POISON)
    yield log
    _discard(scene, [service], poison)


@messages.fault("a poisoned event", touches=_NEEDED_TO_PARK, for_s=(1, 4))
def poisoned_event(scene: Scene, _chance: Random) -> Iterator[str]:
    """Every reader parks it, until an operator discards it."""
    with _post(scene) as post:
        poison = post.event(_POISONED, f"poison-{uuid4().hex[:8]}", 1, body=POISON)
    yield f"{_POISONED}.events"
    _discard(scene, [service for service, read in READS.items() if _POISONED in read], poison)


@messages.fault("the last messages of a log come again", touches={"broker"}, for_s=(0.5, 1))
def duplicates(scene: Scene, chance: Random) -> Iterator[str]:
    """As from a relay that has lost its confirms."""
    yield _again(scene, chance, "last")


@messages.fault("a log is replayed", touches={"broker"}, for_s=(0.5, 1))
def replay(scene: Scene, chance: Random) -> Iterator[str]:
    """Its oldest messages come again at its end."""
    yield _again(scene, chance, "first")


@messages.fault("messages overtake each other", touches={"relays", "broker", "postgres"}, for_s=(2, 4))
def overtaken(scene: Scene, chance: Random) -> Iterator[str]:
    """What waits for a stopped relay comes in reverse order first, events, commands and replies, and then in order."""
    service = scene.some_service(chance, Role.RELAY, Engine.POSTGRESQL)
    relay = scene.hospital.process(service.name, Role.RELAY)
    relay.kill()
    try:
        time.sleep(chance.uniform(1, 2))  # for messages to gather
        with psycopg.connect(scene.database_url(service.name)) as session:
            rows = session.execute(_WAITING, [MOST_REPEATED]).fetchall()
        with _post(scene) as post:
            _publish(post, service.name, rows)
        yield f"{len(rows)} of {service.name}"
    finally:
        relay.start()


_WAITING = "SELECT target, type, subject, sequence, message_id, body FROM outbox ORDER BY id DESC LIMIT %s"


def _publish(post: Post, source: str, rows: Sequence[Sequence[Any]]) -> None:
    for target, kind, subject, sequence, message_id, body in rows:
        if post.length(target) is not None:
            headers = {"subject": subject} | ({} if sequence is None else {"sequence": sequence})
            post.put(target, source, kind, headers, bytes(body), message_id)


def _again(scene: Scene, chance: Random, start: str) -> str:
    log = name_of(chance.choice(sorted({stem for stems in READS.values() for stem in stems})), 0)
    with _post(scene) as post:
        if post.length(log) is None:
            raise NotNow(f"there is no {log} yet")
        found = post.read(log, start, MOST_REPEATED)
        for message in found:
            post.repeat(log, message)
    return f"{len(found)} of {log}"


def _post(scene: Scene) -> Post:
    try:
        return Post(scene.rabbitmq.url)
    except (OSError, amqp.AMQPError) as away:
        raise NotNow(f"the broker is away: {away}") from away


def _discard(scene: Scene, services: Sequence[str], message_id: UUID) -> None:
    """Does what `parked discard` does, for a message that nothing waits behind, once it is parked.

    Raises:
        TimeoutError: A service has not parked it.
    """
    give_up_at = time.monotonic() + DISCARD_WITHIN_S
    left = list(services)
    while left:
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{', '.join(left)} has not parked {message_id}")
        left = [service for service in left if not _discarded(scene, service, message_id)]
        time.sleep(0.1)


def _discarded(scene: Scene, service: str, message_id: UUID) -> bool:
    try:
        with psycopg.connect(scene.database_url(service), connect_timeout=3) as session:
            deleted = session.execute("DELETE FROM parked_message WHERE message_id = %s RETURNING id", [message_id])
            return deleted.fetchone() is not None
    except psycopg.OperationalError:
        return False
