"""A service that writes all the while, and the look whether its messages flow."""

import threading
from typing import Self

from tests.eventually import eventually
from tests.integration.relay.events import SUBJECTS, events
from tests.integration.relay.outboxes import PostgresOutbox
from tests.integration.relay.process import RelayProcess

CONFIRMED = "outbox_relay_confirmed_total"


class Writer:
    """Writes events all the while, one of each subject at a time.

    Attributes:
        count: Of how many each subject has, at the end.
    """

    def __init__(self, outbox: PostgresOutbox, service: str, pause_s: float = 0.01) -> None:
        self._outbox, self._service, self._pause_s = outbox, service, pause_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._stopping.wait(self._pause_s):
            self._outbox.write(events(self._service, 1, first=self.count + 1))
            self.count += 1


def flows(relay: RelayProcess, within_s: float = 20.0) -> None:
    """Waits until more messages are confirmed than there are now."""
    before = relay.metric(CONFIRMED)
    eventually(lambda: relay.metric(CONFIRMED) > before + 3 * len(SUBJECTS), because="messages flow", within_s=within_s)
