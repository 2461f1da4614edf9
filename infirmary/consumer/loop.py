"""The consumer process: opens sessions, one after the other, for as long as it runs."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from infirmary.consumer.backoff import pause_s
from infirmary.consumer.broker import BROKER_ERRORS
from infirmary.consumer.ownership import OwnedByAnother
from infirmary.consumer.session import Session
from infirmary.consumer.store import ReaderReplaced
from infirmary.incarnation import DatabaseSetBack
from infirmary.observing import metrics
from infirmary.observing.health import Liveness, Reason
from infirmary.observing.readiness import ProcessProblem

_logger = logging.getLogger(__name__)

LONGEST_RECONNECT_S = 5.0
LONGEST_WAIT_FOR_THE_OWNER_S = 30.0

LOST_SESSION: Final[tuple[type[Exception], ...]] = (*BROKER_ERRORS, ReaderReplaced, OwnedByAnother, DatabaseSetBack)

_OF_THE_BROKER: Final[tuple[type[Exception], ...]] = (*BROKER_ERRORS, OwnedByAnother)

__all__ = ["Consumer", "Session"]


class Consumer:
    """Keeps a session going until it is told to stop."""

    def __init__(
        self, connect: Callable[[], Session], passes: Callable[[BaseException], bool], liveness: Liveness
    ) -> None:
        """Prepares the loop.

        Args:
            connect: Opens a session.
            passes: Says whether an error of the database passes by itself.
            liveness: Learns of each turn and of what is wrong.
        """
        self._connect, self._passes, self._liveness = connect, passes, liveness
        self._stopping = threading.Event()
        self._told, self._reason = "", Reason.STARTING

    def stop(self) -> None:
        """Lets the batch in hand be committed and acknowledged, then ends the loop."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop` is called; reconnects for as long as it takes.

        Raises:
            Exception: What is neither a lost connection nor anything else that passes; the supervisor starts the
                process again.
        """
        failures = 0
        while not self._stopping.is_set():
            error = self._work()
            if error is None:
                continue
            failures = failures + 1 if self._told else 1
            self._give_up_session(error)
            is_another_s = isinstance(error, OwnedByAnother)
            longest_s = LONGEST_WAIT_FOR_THE_OWNER_S if is_another_s else LONGEST_RECONNECT_S
            self._wait(pause_s(failures, longest_s=longest_s), self._told)

    def _work(self) -> BaseException | None:
        """Runs one session until it is lost, and returns by what; None if it was told to stop."""
        session: Session | None = None
        try:
            session = self._connect()
            while not self._stopping.is_set():
                session.turn()
                self._beat(session.problem(), session.wants_restart)
                self._told = ""
        except Exception as error:
            if not isinstance(error, LOST_SESSION) and not self._passes(error):
                raise
            return error
        finally:
            told = self._told or "the session is being closed"
            self._beat(ProcessProblem(self._reason, told))  # which may have to wait as well
            if session is not None:
                session.close()
        return None

    def _wait(self, pause: float, problem: str) -> None:
        """Waits in steps: whoever waits is alive."""
        while pause > 0 and not self._stopping.is_set():
            self._beat(ProcessProblem(self._reason, problem))
            self._stopping.wait(min(pause, LONGEST_RECONNECT_S))
            pause -= LONGEST_RECONNECT_S

    def _beat(self, problem: ProcessProblem | None, wants_restart: bool = False) -> None:
        self._liveness.beat(problem, wants_restart)
        metrics.TURNED.set(time.time())

    def _give_up_session(self, error: BaseException) -> None:
        metrics.RECONNECTS.inc()
        what = (
            str(error) if isinstance(error, (OwnedByAnother, DatabaseSetBack)) else f"{type(error).__name__}: {error}"
        )
        told = f"the session was lost and is being opened again: {what}"
        if told != self._told:
            _logger.warning("%s", told)
        self._told = told
        self._reason = _reason_of(error)


def _reason_of(error: BaseException) -> str:
    if isinstance(error, ReaderReplaced):
        return Reason.STARTING  # nothing is away: it begins anew, with what another one has left
    if isinstance(error, DatabaseSetBack):
        return Reason.SET_BACK
    return Reason.BROKER_AWAY if isinstance(error, _OF_THE_BROKER) else Reason.DATABASE_AWAY
