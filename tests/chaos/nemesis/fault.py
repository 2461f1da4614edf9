"""What a fault is: a generator that injures until its `yield`, where it says what it did, and heals after it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.chaos.scene import Scene
from tests.chaos.schedule import Kind

Strike = Callable[[Scene, Random], Iterator[str]]


class NotNow(RuntimeError):
    """The fault cannot be injected at this moment; the text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, with its family and what the generator knows of it."""

    kind: Kind
    family: str
    strike: Strike


class Family:
    """The faults of one module."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []

    def fault(self, name: str, *, touches: set[str], for_s: tuple[float, float]) -> Callable[[Strike], Strike]:
        """Adds a fault.

        Args:
            name: In a few words, for the report.
            touches: What it takes hold of: faults that touch the same are not in force at once.
            for_s: How long it is in force, at the least and at the most.
        """

        def add(strike: Strike) -> Strike:
            self.faults.append(Fault(Kind(name, frozenset(touches), *for_s), self.name, strike))
            return strike

        return add
