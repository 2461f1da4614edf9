"""Lets nothing out before it is known that the database was not set back: a look whenever the relay connects.

From then on it is only looked whether somebody else has marked the database.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from infirmary_relay import metrics
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.set_back.comparison import set_back
from infirmary_relay.set_back.tails import Tails, Unreadable
from infirmary_relay.set_back.told import Told
from infirmary_relay.sources.source import Incarnation, SetBackError, Source

TAIL_MESSAGES = 1_000
"""Of each log, or part: as many as one relay has in flight by default.

What the database lacks are its last commits, and their messages are the last ones of their logs, but for what was in
flight beside them: relays publish in the order of commits.
"""
_LOOK_AGAIN_S = 2.0
"""How often it is looked whether the mark was set or removed, and at logs whose ends could not be read.

A restore waits for longer than that before it reads what the relay has published (`infirmary/restoring/restore.py`).
"""
_SOON_S = 0.01
_WAITS_S = 10.0
"""For so long nothing is published because the ends of logs cannot be read; readers would notice what gets out then."""
_LOOKING = Problem(Reason.STARTING, "the ends of the logs are being compared with the database")
_log = logging.getLogger(__name__)


class Guard:
    """What is known of the database on the connections that there are; told of time by the loop's monotonic clock."""

    def __init__(self, tails: Tails, logs: Callable[[Sequence[str]], Sequence[str]], max_age_s: float) -> None:
        """Prepares it.

        Args:
            tails: Reads the ends of logs.
            logs: Says of what the service has noted which logs it writes.
            max_age_s: For how long a log keeps messages.
        """
        self._tails, self._logs, self._max_age_s = tails, logs, max_age_s
        self._look: _Look | None = None
        self._open: list[str] = []
        self._next_look = self._began_at = 0.0
        self._connection: object = None
        self._told_of: dict[str, str] = {}
        self.problem: Problem | None = None
        """Why nothing is published; None while it is."""

    @property
    def wait_s(self) -> float:
        """How long the loop may wait before it asks again."""
        return _SOON_S if self._look is not None else _LOOK_AGAIN_S

    def allows(self, source: Source, connection: object, now: float) -> bool:
        """Whether messages may be published on a connection; looks first, and again where that is due.

        Raises:
            SourceLostError: The database is gone.
            SetBackError: It was set back while messages were published. What was fetched is not what is there once that
                is mended, so all begins anew.
        """
        incarnation = source.incarnation
        if connection is not self._connection:
            self._connection, self._look, self._began_at, self._next_look = connection, None, now, now
            self._open = list(self._logs(source.logs)) if incarnation is not None else []
            self._set(_LOOKING if incarnation is not None else None)
        if incarnation is None:
            return True
        if self._look is not None and self._look.is_done:
            look, self._look = self._look, None
            self._judge(incarnation, source.logs, look, now)
        elif self._look is None and now >= self._next_look:
            self._next_look = now + _LOOK_AGAIN_S
            self._begin(incarnation, now)
        return self.problem is None

    def _begin(self, incarnation: Incarnation, now: float) -> None:
        marked = incarnation.set_back_because()
        if marked is not None:
            self._found(marked)
            return
        if self.problem is not None and self.problem.reason is Reason.SET_BACK:
            self._began_at = now
            self._set(_LOOKING)
        if self._open or self.problem is not None:
            self._look = _Look(self._tails, self._open)

    def _judge(self, incarnation: Incarnation, noted: Sequence[str], look: "_Look", now: float) -> None:
        told = [each for tail in look.read.values() for each in tail]
        because = set_back(told, incarnation.known(told), expired_before=time.time() - self._max_age_s)
        if because is not None:
            self._open = list(self._logs(noted))
            incarnation.mark_set_back(because)
            self._found(because)
            return
        self._open = [log for log in self._open if log not in look.read]
        if not look.failed or now - self._began_at > _WAITS_S:
            self._set(None)
        for log, why in look.unread.items():
            if self._told_of.get(log) != why:
                _log.warning("what %s holds cannot be compared with the database: %s", log, why)
        self._told_of = look.unread

    def _found(self, because: str) -> None:
        was_publishing = self.problem is None
        self._set(Problem(Reason.SET_BACK, because))
        if was_publishing:
            raise SetBackError(f"the database was set back while messages were published: {because}")

    def _set(self, problem: Problem | None) -> None:
        is_set_back = problem is not None and problem.reason is Reason.SET_BACK
        if problem is not None and is_set_back and problem != self.problem:
            _log.error("nothing is published: %s", problem.text)
        self.problem = problem
        metrics.set_back.set(is_set_back)


class _Look:
    """One look at the ends of logs, in a thread: the loop has to show meanwhile that it lives."""

    def __init__(self, tails: Tails, logs: Sequence[str]) -> None:
        self.read: dict[str, list[Told]] = {}
        self.unread: dict[str, str] = {}
        self.failed = self.is_done = False
        threading.Thread(target=self._do, args=(tails, logs), name="look", daemon=True).start()

    def _do(self, tails: Tails, logs: Sequence[str]) -> None:
        try:
            for log, told in tails.read(logs, TAIL_MESSAGES):
                if isinstance(told, Unreadable):
                    self.unread[log] = told
                else:
                    self.read[log] = told
        except BrokerLostError as lost:
            self.failed = True
            self.unread |= {log: str(lost) for log in logs if log not in self.read}
        finally:
            self.is_done = True
