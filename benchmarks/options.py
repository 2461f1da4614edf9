"""The options of a benchmark: how much it is to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        quick: Small numbers, to see that a benchmark works.
        most_rounds: How often everything is measured at the most; None leaves it to the benchmark.
    """

    quick: bool = False
    most_rounds: int | None = None

    def rounds(self, usual: int) -> int:
        """Returns how often to measure, of how often it is usual."""
        return usual if self.most_rounds is None else min(usual, self.most_rounds)
