"""Backups at different moments of a day, databases set back to them, and each time all must be as it was."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from audit.collector import Collector
from audit.verdict import violations
from demo.client import Hospital
from local.topology import Service
from tests.chaos.client.people import PATIENCE_S, People
from tests.drill.backups import Backup
from tests.drill.documents import Documents, differences, shown
from tests.drill.machinery import Machinery, Means

AT_REST_WITHIN_S = 180.0
RESTORES_AT_ONCE = 3
NOTHING_LACKED = "Nothing was said that the database does not know."
SILENT = {"audit", "chart"}
"""They say nothing but who has asked them, and that they have erased somebody: perhaps nothing after their backups."""

Say = Callable[[str], None]


class Drill:
    """One hospital, the people in it, and the backups of its databases.

    Attributes:
        found: What does not hold, in words.
    """

    def __init__(self, machinery: Machinery, hospital: Hospital, collector: Collector, seed: int, say: Say) -> None:
        """Prepares it; the hospital runs.

        Args:
            machinery: Its processes.
            hospital: Whoever asks it for things, and keeps the ledger of what was acknowledged.
            collector: Whoever looks at it from outside.
            seed: Decides who does what, and when a backup is taken.
            say: Tells a person how far it is.
        """
        self._machinery, self._hospital, self._collector = machinery, hospital, collector
        self._seed, self._say = seed, say
        self._random = Random(seed)
        self._backups: dict[Service, Backup] = {}
        self._days = 0
        self.found: list[str] = []

    def work(self, seconds: float, means: Sequence[Means] = ()) -> None:
        """Lets people work, and meanwhile takes a backup by each of these means, at a moment of its own.

        Somebody whose name every backup has is erased after the last one: whoever restores it must not bring it back.
        """
        self._days += 1
        self._say(f"people work for {seconds:g} s" + (f"; meanwhile {len(means)} backups are taken" if means else ""))
        ends_at = time.monotonic() + seconds
        with People(self._hospital, self._seed + self._days):
            leaves = self._hospital.patient()
            self._hospital.lab_result(leaves, critical=True, known_within_s=PATIENCE_S)
            for left, each in zip(range(len(means), 0, -1), self._random.sample(means, len(means)), strict=True):
                time.sleep(max(0.0, (ends_at - time.monotonic()) / (left + 1)))
                self._backups |= dict.fromkeys(each.services, each.take())
            self._hospital.erase(leaves)
            time.sleep(max(0.0, ends_at - time.monotonic()))

    def set_back(self, services: Sequence[Service]) -> None:
        """Puts databases back to their last backups, restores them, and looks whether anything has changed."""
        before = self._at_rest()
        names = ", ".join(service.name for service in services)
        self._say(f"set back: {names}")
        began_at = time.monotonic()
        self._machinery.stop(services)
        for backup in dict.fromkeys(self._backups[service] for service in services):
            backup.put_back()
        self._restore([service for service in services if service.has_relay])
        self._machinery.start(services)
        after = self._at_rest()
        self.found += [f"{names} set back: {each}" for each in differences(before, after)]
        self._say(f"at rest again {time.monotonic() - began_at:.0f} s after the processes were asked to stop")

    def _restore(self, services: Sequence[Service]) -> None:
        with ThreadPoolExecutor(RESTORES_AT_ONCE) as pool:
            for service, done in zip(services, pool.map(self._machinery.restore, services), strict=True):
                self._say(done.stdout.strip())
                if done.returncode != 0:
                    self.found.append(f"{service.name} could not be restored: {done.stderr.strip()}")
                elif NOTHING_LACKED in done.stdout and service.name not in SILENT:
                    self.found.append(f"{service.name} was not set back: it lacks nothing")

    def _at_rest(self) -> Documents:
        """Waits until nothing is under way, holds the hospital to every rule, and returns what it shows.

        That is asked for by nobody whose questions have to be on record: a database that is set back while the relay
        still has to send what it has put down of them takes it along.
        """
        self._collector.await_quiescence(AT_REST_WITHIN_S)
        facts = self._collector.facts(self._hospital.ledger)
        self.found += [str(each) for each in violations(facts, self._hospital.ledger)]
        return shown(self._collector.client, self._hospital.ledger)
