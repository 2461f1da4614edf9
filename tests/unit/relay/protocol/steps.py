"""A relay that goes on only when it is told, from one look at the outside world to the next."""

import threading
from collections.abc import Callable
from uuid import UUID

from infirmary_relay.backoff import BackoffTimes
from infirmary_relay.broker.publisher import Publisher
from infirmary_relay.crash_points import CrashPoints
from infirmary_relay.health import Health
from infirmary_relay.loop import Relay
from infirmary_relay.progress import Progress
from infirmary_relay.report import Report
from infirmary_relay.sources.source import Source
from tests.unit.relay.protocol.broker import Broker, Connected

SERVICE, LOG = "ward", "ward.events"
BATCH_ROWS, WINDOWS = 2, 2
WINDOW_MESSAGES = BATCH_ROWS * WINDOWS


class _Killed(BaseException):
    """SIGKILL: nothing of the process runs any more."""


class _Silent(Report):
    def iterated(self, *_: object) -> None:
        """Tells nobody."""


class Process(threading.Thread):
    """The real relay, in a thread of its own of which never more than one runs.

    Attributes:
        frozen: Whether it was sent SIGSTOP.
    """

    def __init__(self, relay_id: UUID, connect_source: Callable[[UUID], Source], broker: Broker) -> None:
        super().__init__(daemon=True)
        self.relay_id = relay_id
        self.frozen = False
        self._dies = False
        self._error: BaseException | None = None
        self._may_go, self._has_come = threading.Semaphore(0), threading.Semaphore(0)
        self._broker = broker
        side = broker.side(self.pause)
        self.relay = Relay(
            lambda: connect_source(relay_id),
            lambda _identity, _logs: side.connect(),
            side.declarer,
            batch_rows=BATCH_ROWS,
            windows=WINDOWS,
            backoff_times=BackoffTimes(),
            report=_Silent(Health(), Progress(60, 0)),
            crash_points=CrashPoints(None, None),
        )
        self.start()

    def run(self) -> None:
        """The process's main program."""
        self._may_go.acquire()
        try:
            if not self._dies:
                self.relay.run()
        except _Killed:
            pass
        except BaseException as error:  # whatever went wrong is raised where hypothesis sees it
            self._error = error
        self._has_come.release()

    def pause(self) -> None:
        """Waits, in the relay's thread, until it is told to go on: here it may be frozen or killed."""
        if not self.is_current:
            return
        if not self._dies:
            self._has_come.release()
            self._may_go.acquire()
        if self._dies:
            raise _Killed

    def go_on(self, steps: int = 1) -> None:
        """Lets the relay go on to its next looks at the outside world."""
        for _ in range(steps):
            if not self.is_alive() or self.frozen:
                return
            self._may_go.release()
            self._has_come.acquire()
            if self._error is not None:
                self.join()
                raise self._error

    @property
    def publisher(self) -> Publisher | None:
        """Its own side of its connection to the broker."""
        return self.relay._broker.current

    @property
    def connected(self) -> Connected | None:
        """The broker's side of it."""
        held = self.publisher
        return next((each for each in self._broker.connections if each.publisher is held), None)

    @property
    def has_failed(self) -> bool:
        """Whether it has ended over something that must not happen."""
        return self._error is not None

    @property
    def is_current(self) -> bool:
        """Whether it is this relay that runs now."""
        return threading.current_thread() is self

    @property
    def source(self) -> Source | None:
        """Its connection to the database."""
        return self.relay._source.current

    def end(self) -> None:
        """Lets the relay stop in good order."""
        self.relay.stop()
        while self.is_alive():
            self.go_on()

    def kill(self) -> None:
        """Ends it where it is."""
        self._dies = True
        self._may_go.release()
        self.join()
