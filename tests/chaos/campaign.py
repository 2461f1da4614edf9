"""One run: the hospital at work, faults by the schedule, rest, and the checker's judgement."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from audit.collector import Collector
from audit.facts import Facts
from audit.ledger import Ledger
from demo.client import Hospital as Client
from local.topology import SERVICES, Engine, Role
from tests.chaos.broker_side import BrokerSide
from tests.chaos.checker.finding import Finding
from tests.chaos.checker.verdict import findings
from tests.chaos.client.people import PATIENCE_S, People
from tests.chaos.client.writers import Writers
from tests.chaos.gap_counters import gap_auditor, gaps_left
from tests.chaos.history import History
from tests.chaos.nemesis.fault import Fault
from tests.chaos.nemesis.injecting import Nemesis
from tests.chaos.recorded import add_what_is_stored
from tests.chaos.report import Report
from tests.chaos.resting import come_to_rest, unanswered
from tests.chaos.scene import BATCH_ROWS, WINDOWS, Scene, running_scene
from tests.chaos.schedule import schedule
from tests.chaos.watch import OutboxWatch

REST_WITHIN_S = 180.0
RELAYS_AT_ONCE = 2
NOT_YET_ON_DISK = 200
"""Deletes of the last moments before PostgreSQL is killed are forgotten, because no relay waits for the disk."""

WINDOW_MESSAGES = BATCH_ROWS * WINDOWS * RELAYS_AT_ONCE + NOT_YET_ON_DISK

Announce = Callable[[str], None]


def run(
    folder: Path,
    seed: int,
    duration_s: float,
    faults: Sequence[Fault],
    announce: Announce,
    metrics_port: int | None = None,
    side: BrokerSide = BrokerSide.STREAMS,
) -> Report:
    """Plays a run.

    Args:
        folder: For databases and logs; made when it is missing.
        seed: From which everything follows that is done.
        duration_s: For how long faults are injected; starting and coming to rest take a minute more.
        faults: What may be injected.
        announce: Gets a line for each thing that happens.
        metrics_port: Where Prometheus may read which faults are in force.
        side: By which protocol logs are written and read.

    Raises:
        LocalError: The hospital cannot be started.
    """
    with (
        running_scene(folder, announce, side=side) as scene,
        gap_auditor(scene.hospital.env["RABBITMQ_URL"], os.environ, folder / "gap-auditor.log") as auditors_port,
        Client(scene.hospital.env, patience_s=PATIENCE_S) as client,
    ):
        history, not_injected, failures = _play(scene, client, seed, duration_s, faults, announce, metrics_port)
        announce("Everything is healed; waiting until nothing is under way any more")
        wrong = unanswered(failures)
        wrong += _judge(scene, history, client.ledger, announce)
        return Report(seed, history, [*wrong, *gaps_left(scene, auditors_port)], not_injected)


def _play(
    scene: Scene,
    client: Client,
    seed: int,
    duration_s: float,
    faults: Sequence[Fault],
    announce: Announce,
    metrics_port: int | None,
) -> tuple[History, list[str], list[str]]:
    """Returns what was recorded, which faults could not be injected, and the requests that failed."""
    began_at = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began_at

    nemesis = Nemesis(scene, faults, clock, announce)
    outboxes = {each.name: scene.database_url(each.name) for each in SERVICES if Role.RELAY in each.roles}
    written = [each.name for each in SERVICES if Role.RELAY in each.roles and each.engine is Engine.POSTGRESQL]
    people, writers = People(client, seed), Writers(written, seed, scene.database_url)
    with nemesis.shown.served(metrics_port), OutboxWatch(outboxes, clock) as watch:
        with people, writers:
            try:
                nemesis.play(schedule(seed, duration_s, [fault.kind for fault in faults]))
            finally:
                scene.heal()
        time.sleep(1)  # for the samples after the last healing
    operations = people.operations + writers.done
    return History(nemesis.injected, watch.samples, operations), nemesis.not_injected, people.failures


def _judge(scene: Scene, history: History, ledger: Ledger, announce: Announce) -> list[Finding]:
    with Collector(scene.hospital.env) as collector:
        stuck = come_to_rest(collector, REST_WITHIN_S, announce)
        facts: Facts = collector.facts(ledger)
    add_what_is_stored(history, facts, scene)
    return stuck + findings(history, facts, ledger, WINDOW_MESSAGES)
