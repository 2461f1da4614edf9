"""One thing that the checker found wrong, and in which of the table's columns it counts."""

from dataclasses import dataclass
from enum import Enum

from audit.violation import Violation


class Column(Enum):
    """What a violation means."""

    LOST = "lost"
    DOUBLED = "doubled"
    REORDERED = "reordered"
    STUCK = "stuck"
    INCONSISTENT = "inconsistent"


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation with its column."""

    column: Column
    violation: Violation

    def __str__(self) -> str:
        return f"{self.column.value}: {self.violation}"


def found(column: Column, rule: str, where: str, what: str) -> Finding:
    """Returns a finding."""
    return Finding(column, Violation(rule, where, what))
