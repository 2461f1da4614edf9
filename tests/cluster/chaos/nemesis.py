"""Injects what the schedule says and notes when Kubernetes has put it right."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from kubernetes.client.exceptions import ApiException

from tests.chaos.checker.finding import Column, Finding, found
from tests.chaos.history import InjectedFault
from tests.chaos.schedule import Planned
from tests.chaos.shown import ShownFaults
from tests.cluster.chaos.injury import Fault, Injury
from tests.cluster.cluster import Cluster

LATEST_S = 10.0
"""How late a fault may begin."""

BACK_WITHIN_S = 330.0
"""Kubernetes starts a container that has died several times in ten minutes after 5 min at the latest."""

BACK = "what is killed is there again, and ready, without anybody's help"
LOOK_EVERY_S = 0.1


@dataclass
class _InForce:
    planned: Planned
    injury: Injury
    began_s: float
    is_healed: bool = False

    def heal(self) -> None:
        """Undoes what has to be undone, once."""
        if not self.is_healed:
            self.is_healed = True
            self.injury.heal()


class Nemesis:
    """Kills, freezes and drains.

    Attributes:
        injected: What was done; each is healed when everything that was injured has a successor that is ready.
        not_injected: Faults for which there was no occasion, and why.
        findings: What never came back.
    """

    def __init__(
        self, cluster: Cluster, faults: Sequence[Fault], clock: Callable[[], float], announce: Callable[[str], None]
    ) -> None:
        """Prepares the nemesis.

        Args:
            cluster: Where it works.
            faults: What it can do.
            clock: Seconds since the beginning of the run.
            announce: Gets a line for each thing that happens.
        """
        self._cluster, self._clock, self._announce = cluster, clock, announce
        self.shown = ShownFaults(fault.kind.name for fault in faults)
        self._faults = {fault.kind.name: fault for fault in faults}
        self._in_force: list[_InForce] = []
        self.injected: list[InjectedFault] = []
        self.not_injected: list[str] = []
        self.findings: list[Finding] = []

    def play(self, planned: Sequence[Planned]) -> None:
        """Does everything that is planned and waits until all of it is over."""
        waiting = sorted(planned, key=lambda each: each.at_s)
        try:
            while waiting or self._in_force:
                for each in list(self._in_force):
                    self._tend(each)
                if waiting and waiting[0].at_s <= self._clock() and self._is_free(waiting[0]):
                    self._begin(waiting.pop(0))
                time.sleep(LOOK_EVERY_S)
        finally:
            for each in self._in_force:
                each.heal()

    def _is_free(self, planned: Planned) -> bool:
        """Says whether nothing in force touches the same; what has waited for too long is begun, to be skipped."""
        touched = any(each.planned.fault.touches & planned.fault.touches for each in self._in_force)
        return not touched or self._clock() > planned.at_s + LATEST_S

    def _begin(self, planned: Planned) -> None:
        began_s = self._clock()
        if began_s > planned.at_s + LATEST_S:
            self._skip(planned, "an earlier fault took longer than planned")
            return
        try:
            injury = self._faults[planned.fault.name].strike(self._cluster, Random(planned.chance))
        except (LookupError, ApiException) as reason:
            self._skip(planned, str(reason).splitlines()[0])
            return
        self._announce(f"{began_s:6.1f} s  {planned.fault.name}: {injury.what}")
        self.shown.begins(planned.fault.name)
        self._in_force.append(_InForce(planned, injury, began_s))

    def _tend(self, each: _InForce) -> None:
        now = self._clock()
        if now >= each.began_s + each.planned.for_s:
            each.heal()
        if each.injury.is_over(self._cluster):
            each.heal()
            self._is_over(each)
            self.injected.append(InjectedFault(each.planned.fault.name, each.injury.what, each.began_s, self._clock()))
        elif now > each.began_s + BACK_WITHIN_S:
            self._is_over(each)
            what = f"is not back {BACK_WITHIN_S:.0f} s after: {each.planned.fault.name}"
            self.findings.append(found(Column.STUCK, BACK, each.injury.what, what))

    def _is_over(self, each: _InForce) -> None:
        self._in_force.remove(each)
        self.shown.ends(each.planned.fault.name)

    def _skip(self, planned: Planned, reason: str) -> None:
        self.not_injected.append(f"{planned.fault.name}: {reason}")
        self._announce(f"{self._clock():6.1f} s  not injected: {planned.fault.name}: {reason}")
