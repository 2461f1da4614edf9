"""Scenes that are played twice: with a bug planted, and without it.

The bugs are those of tests/chaos/planted.py. Without the bug the checker finds nothing, with it what the bug does.
"""

from collections.abc import Callable

import pytest

from tests.chaos.checker.finding import Column
from tests.eventually import eventually

SHORTLY_S = 3.0


def soon(condition: Callable[[], object], within_s: float = SHORTLY_S) -> bool:
    """Waits for what comes about only with the bug, or only without it; says whether it has."""
    try:
        return bool(eventually(condition, because="", within_s=within_s))
    except AssertionError:
        return False


def soon_with(bug: str | None, condition: Callable[[], object]) -> bool:
    """Waits for what comes about only with the bug: long with it, since a machine may be busy, and shortly without."""
    return soon(condition, within_s=10 if bug else 1)


def with_and_without(bug: str, column: Column) -> pytest.MarkDecorator:
    """Plays a scene twice."""
    cases = [pytest.param(None, set(), id="sound"), pytest.param(bug, {column}, id=bug)]
    return pytest.mark.parametrize(("bug", "expected"), cases)
