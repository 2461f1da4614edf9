"""Queues and logs that cannot be read: the reason, and when to look again. Pure but for the log and the metrics."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from infirmary.consumer.backoff import pause_s
from infirmary.observing import metrics

_logger = logging.getLogger(__name__)

Kind = Literal["missing", "refused", "wrong_kind", "failing"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FIRST_LOOK_AGAIN_S, LOOK_AGAIN_S = 1.0, 30.0
"""How soon it is looked at again: twice as long from look to look, up to the second."""

MISSING_IS_A_PROBLEM_AFTER_S = 60.0
"""A log may be missing for as long as it takes to start its publisher; after that somebody has to be told."""


class Unreadable(Exception):
    """The broker does not let a queue or a log be read."""

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(why)
        self.kind: Kind = kind


@dataclass(slots=True)
class _Problem:
    kind: Kind
    why: str
    since: float
    looks: int
    look_at: float


class Unreadables:
    """The queues and logs that a process cannot read; it outlives the process's sessions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._problems: dict[str, _Problem] = {}

    def may_look(self, channel: str) -> bool:
        """Says whether it is time to look at a queue or a log (again)."""
        problem = self._problems.get(channel)
        return problem is None or self._clock() >= problem.look_at

    def is_missing(self, channel: str) -> bool:
        """Says whether there was no such queue or log when it was last looked at."""
        problem = self._problems.get(channel)
        return problem is not None and problem.kind == "missing"

    def failed(self, channel: str, reason: Unreadable) -> None:
        """Notes that it cannot be read; it is told once, and again when the reason is another one."""
        now, known = self._clock(), self._problems.get(channel)
        if known is None or known.kind != reason.kind:
            _logger.warning("%s cannot be read (%s): %s", channel, reason.kind, reason)
            self._show(channel, reason.kind)
        since, looks = (now, 0) if known is None else (known.since, known.looks)
        pause = pause_s(looks + 1, FIRST_LOOK_AGAIN_S, LOOK_AGAIN_S)
        self._problems[channel] = _Problem(reason.kind, str(reason), since, looks + 1, now + pause)

    def reads(self, channel: str) -> None:
        """Notes that it can be read."""
        if self._problems.pop(channel, None) is not None:
            _logger.info("%s can be read again", channel)
            self._show(channel, None)

    def forget(self, channel: str) -> None:
        """Leaves the matter to another process."""
        if self._problems.pop(channel, None) is not None:
            self._show(channel, None)

    def problem(self) -> str | None:
        """Returns what somebody has to be told, or None."""
        now = self._clock()
        told = [
            f"{channel} cannot be read ({problem.kind}, for {now - problem.since:.0f} s): {problem.why}"
            for channel, problem in sorted(self._problems.items())
            if problem.kind != "missing" or now - problem.since >= MISSING_IS_A_PROBLEM_AFTER_S
        ]
        return "; ".join(told) or None

    def _show(self, channel: str, kind: Kind | None) -> None:
        for each in KINDS:
            metrics.UNREADABLE.labels(channel, each).set(each == kind)
