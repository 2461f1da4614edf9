"""The generator: which fault is injected when, and for how long. Pure: a seed repeats the run."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

CALM_S = 5.0
"""Between two faults that are injected alone: long enough to see the recovery."""

ALONE_SHARE = 0.6
"""How much of the time goes to single faults; the rest goes to mixtures."""

MOST_AT_ONCE = 3
MIXTURE_PAUSE_S = (0.5, 4.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the generator knows of a fault.

    Attributes:
        name: The fault's name.
        touches: What it takes hold of; two faults that touch the same thing are never in force at once.
        shortest_s: How long it is in force at the least.
        longest_s: And at the most.
    """

    name: str
    touches: frozenset[str]
    shortest_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault to be injected.

    Attributes:
        at_s: When, in seconds since the beginning of the run.
        for_s: How long until it is healed.
        chance: The seed for what the fault itself leaves to chance, its victim for example.
    """

    fault: Kind
    at_s: float
    for_s: float
    chance: int

    @property
    def end_s(self) -> float:
        """When it is healed."""
        return self.at_s + self.for_s


def schedule(seed: int, duration_s: float, faults: Iterable[Kind]) -> list[Planned]:
    """Returns what is injected, in the order of its beginning: first each fault alone, then random mixtures.

    Everything is healed by the end of the duration. A short run has room for some of the faults only; which ones
    depends on the seed.
    """
    chance = Random(seed)
    kinds = sorted(faults, key=lambda kind: kind.name)
    chance.shuffle(kinds)
    alone = _alone(chance, kinds, duration_s * ALONE_SHARE)
    mixtures_from_s = alone[-1].end_s + CALM_S if alone else 0.0
    # A short run begins its mixtures with the faults that it had no time for alone.
    left = [*kinds[len(alone) :], *kinds[: len(alone)]]
    return [*alone, *_mixtures(chance, left, mixtures_from_s, duration_s)]


def _alone(chance: Random, kinds: Sequence[Kind], until_s: float) -> list[Planned]:
    planned: list[Planned] = []
    at_s = 0.0
    for kind in kinds:
        fault = _planned(chance, kind, at_s)
        if fault.end_s > until_s:
            break
        planned.append(fault)
        at_s = fault.end_s + CALM_S
    return planned


def _mixtures(chance: Random, kinds: Sequence[Kind], from_s: float, until_s: float) -> list[Planned]:
    planned: list[Planned] = []
    at_s = from_s
    untried = deque(kinds)
    while kinds and at_s < until_s:
        kind = untried.popleft() if untried else chance.choice(kinds)
        fault = _planned(chance, kind, at_s)
        in_force = [other for other in planned if other.end_s >= fault.at_s]
        free = len(in_force) < MOST_AT_ONCE and not any(other.fault.touches & kind.touches for other in in_force)
        if free and fault.end_s <= until_s:
            planned.append(fault)
        at_s += chance.uniform(*MIXTURE_PAUSE_S)
    return planned


def _planned(chance: Random, kind: Kind, at_s: float) -> Planned:
    for_s = chance.uniform(kind.shortest_s, kind.longest_s)
    return Planned(kind, round(at_s, 2), round(for_s, 2), chance.getrandbits(32))
