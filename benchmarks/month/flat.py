"""Says of what was measured day by day whether it has stopped to grow. Pure."""

from collections.abc import Sequence
from typing import Final

ALLOWED: Final = 1.2
"""A week of an archive is dropped as a whole, so that how much there is goes up and down by a week."""


def has_stopped(measured: Sequence[float]) -> bool:
    """Says whether the most of the last third is no more than that of the third before it, or hardly.

    Args:
        measured: One value for each day; the first third is for what is kept to come together.
    """
    third = len(measured) // 3
    return max(measured[-third:]) <= ALLOWED * max(measured[-2 * third : -third])
