"""Tries work again, for as long as somebody is willing to wait, while what is in its way passes by itself."""

import logging
import random
import time
from collections.abc import Callable
from typing import Final

_logger = logging.getLogger(__name__)

_PAUSES_S: Final = (0.5, 2.0)


class GaveUp(Exception):
    """What was in the way has stayed there for longer than anybody is willing to wait."""


class InTheWay(Exception):
    """Something else has to end first; the text says what."""


def patiently(
    what: str, wait_s: float, work: Callable[[], None], in_the_way: Callable[[Exception], str | None]
) -> None:
    """Runs work until it succeeds.

    Args:
        what: The work, for people.
        wait_s: For how long it is tried.
        work: Does it, from wherever it has come to.
        in_the_way: Says what made it fail, if that passes by itself.

    Raises:
        GaveUp: It did not pass.
        Exception: Whatever else the work raises.
    """
    give_up_at, told = time.monotonic() + wait_s, None
    while True:
        try:
            return work()
        except Exception as error:
            reason = in_the_way(error)
            if reason is None:
                raise
        if time.monotonic() >= give_up_at:
            raise GaveUp(f"{what} gave up after {wait_s:g} s: {reason}") from None
        if reason != told:
            _logger.warning("%s waits: %s", what, reason)
            told = reason
        # By chance, so that two who are in each other's way do not stay in step.
        time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 - no secret
