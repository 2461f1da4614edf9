"""Waiting on a condition with a deadline: what tests do in place of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LOOK_EVERY_S = 0.02


def eventually(look: Callable[[], T], *, because: str, within_s: float = 20.0) -> T:
    """Returns what `look` returns as soon as that is true.

    Raises:
        AssertionError: It was not within the deadline; the message says what was expected and what was seen last.
    """
    give_up_at = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > give_up_at:
            raise AssertionError(f"expected within {within_s:.0f} s: {because}; seen last: {seen!r}")
        time.sleep(_LOOK_EVERY_S)
