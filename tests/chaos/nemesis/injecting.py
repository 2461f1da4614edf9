"""Injects what the schedule says, heals it when it says so, and records both."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.history import InjectedFault
from tests.chaos.nemesis.fault import Fault, NotNow
from tests.chaos.scene import Scene
from tests.chaos.schedule import Planned
from tests.chaos.shown import ShownFaults

LATEST_S = 10.0
"""How late a fault may begin; a healing that takes its time (a tool, a restart) would make the run ever longer."""

Announce = Callable[[str], None]


@dataclass
class _InForce:
    planned: Planned
    what: str
    began_s: float
    strike: Iterator[str]


class Nemesis:
    """Works in the thread that calls it: a process that it starts again lives as long as that thread."""

    def __init__(self, scene: Scene, faults: Sequence[Fault], clock: Callable[[], float], announce: Announce) -> None:
        """Prepares the nemesis.

        Args:
            scene: What it breaks.
            faults: What it can do.
            clock: Seconds since the beginning of the run.
            announce: Gets a line for each thing that it does.
        """
        self._scene, self._clock, self._announce = scene, clock, announce
        self.shown = ShownFaults(fault.kind.name for fault in faults)
        self._strikes = {fault.kind.name: fault.strike for fault in faults}
        self._in_force: list[_InForce] = []
        self.injected: list[InjectedFault] = []
        self.not_injected: list[str] = []

    def play(self, planned: Sequence[Planned]) -> None:
        """Does everything that is planned, and leaves nothing broken behind."""
        waiting = sorted(planned, key=lambda each: each.at_s)
        try:
            while waiting or self._in_force:
                now = self._clock()
                for each in [each for each in self._in_force if each.planned.end_s <= now]:
                    self._heal(each)
                if waiting and waiting[0].at_s <= now:
                    self._begin(waiting.pop(0))
                time.sleep(0.02)
        finally:
            for each in list(self._in_force):
                self._heal(each)

    def _begin(self, planned: Planned) -> None:
        if self._clock() > planned.at_s + LATEST_S:
            self._skip(planned, "its time was over when an earlier fault was healed")
            return
        if any(each.planned.fault.touches & planned.fault.touches for each in self._in_force):
            self._skip(planned, "an earlier fault took longer than planned")
            return
        began_s = self._clock()
        strike = self._strikes[planned.fault.name](self._scene, Random(planned.chance))
        try:
            what = next(strike)
        except NotNow as reason:
            self._skip(planned, str(reason))
            return
        except Exception as failure:  # a fault in force may keep another from being injected, in any way
            self._skip(planned, f"{type(failure).__name__}: {failure}")
            return
        self._announce(f"{began_s:6.1f} s  {planned.fault.name}: {what} ({planned.for_s:.1f} s)")
        self.shown.begins(planned.fault.name)
        self._in_force.append(_InForce(planned, what, began_s, strike))

    def _heal(self, each: _InForce) -> None:
        self._in_force.remove(each)
        next(each.strike, None)
        self.shown.ends(each.planned.fault.name)
        self.injected.append(InjectedFault(each.planned.fault.name, each.what, each.began_s, self._clock()))

    def _skip(self, planned: Planned, reason: str) -> None:
        self.not_injected.append(f"{planned.fault.name}: {reason}")
        self._announce(f"{self._clock():6.1f} s  not injected: {planned.fault.name}: {reason}")
