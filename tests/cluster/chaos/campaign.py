"""One run: people at work, faults by the schedule, rest, and the checker's judgement."""

import time
from collections.abc import Callable, Mapping

from audit.collector import Collector
from demo.client import Hospital
from local.topology import SERVICES, Engine, Role
from tests.chaos.checker.finding import Finding
from tests.chaos.checker.verdict import findings
from tests.chaos.client.people import PATIENCE_S, People
from tests.chaos.client.writers import Writers
from tests.chaos.history import History
from tests.chaos.recorded import add_logs
from tests.chaos.report import Report
from tests.chaos.resting import come_to_rest, unanswered
from tests.chaos.schedule import schedule
from tests.chaos.watch import OutboxWatch
from tests.cluster.chaos.faults import FAULTS
from tests.cluster.chaos.nemesis import Nemesis
from tests.cluster.cluster import Cluster

REST_WITHIN_S = 480.0

PEOPLE = 12
"""With these and the writers, half an hour is about 40,000 operations while more than 240 pods are killed."""

WINDOW_MESSAGES = 2 * 1000 + 200
"""What a relay may send again: its window by default, of two relays where a pod has a successor before it has ended,
and the deletes that a PostgreSQL forgets that is killed."""

Announce = Callable[[str], None]


def run(
    cluster: Cluster,
    env: Mapping[str, str],
    seed: int,
    duration_s: float,
    announce: Announce,
    metrics_port: int | None = None,
) -> Report:
    """Plays a run.

    Args:
        cluster: With the hospital in it, ready.
        env: Where everything in it is.
        seed: From which everything follows that is done.
        duration_s: For how long faults are injected; coming to rest takes a minute more.
        announce: Gets a line for each thing that happens.
        metrics_port: Where Prometheus may read which faults are in force.
    """
    began_at = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began_at

    nemesis = Nemesis(cluster, FAULTS, clock, announce)
    with nemesis.shown.served(metrics_port), Hospital(env, patience_s=PATIENCE_S) as client:
        history, failures = _play(nemesis, client, env, seed, duration_s, clock)
        announce("Nothing is injected any more; waiting until nothing is under way")
        wrong = unanswered(failures)
        judged = _judge(history, client, env, announce)
        return Report(seed, history, nemesis.findings + wrong + judged, nemesis.not_injected)


def _play(
    nemesis: Nemesis, client: Hospital, env: Mapping[str, str], seed: int, duration_s: float, clock: Callable[[], float]
) -> tuple[History, list[str]]:
    """Returns what was recorded, and the requests that failed."""
    databases = {each.name: env[f"{each.name.upper()}_DATABASE_URL"] for each in SERVICES if Role.RELAY in each.roles}
    written = [each.name for each in SERVICES if each.name in databases and each.engine is Engine.POSTGRESQL]
    people, writers = People(client, seed, PEOPLE), Writers(written, seed, databases.__getitem__)
    with OutboxWatch(databases, clock) as watch:
        with people, writers:
            nemesis.play(schedule(seed, duration_s, [fault.kind for fault in FAULTS]))
        time.sleep(1)  # for the samples after the last fault
    return History(nemesis.injected, watch.samples, people.operations + writers.done), people.failures


def _judge(history: History, client: Hospital, env: Mapping[str, str], announce: Announce) -> list[Finding]:
    with Collector(env) as collector:
        stuck = come_to_rest(collector, REST_WITHIN_S, announce)
        facts = collector.facts(client.ledger)
    add_logs(history, facts)
    return stuck + findings(history, facts, client.ledger, WINDOW_MESSAGES)
