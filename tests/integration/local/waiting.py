"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable

from local.process_identity import identity_of


def eventually(condition: Callable[[], bool], deadline_s: float = 15.0) -> bool:
    """Tells whether the condition holds before the deadline."""
    give_up_at = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    """Tells whether no process has the number any more."""
    return identity_of(pid) is None
