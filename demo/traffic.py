"""Listens to the logs for what follows from the day that is played, and knows from which deed.

It begins when the day does and forgets what others do meanwhile: a hospital with a past, or in use, costs nothing.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from audit.addresses import services_in
from audit.facts import LogMessage
from audit.hospital import HOSPITAL
from audit.logs import LogTail
from audit.reads import logs_of

BROKERS_CLOCK_MAY_BE_SLOW_BY = timedelta(minutes=1)


class MessageMissing(AssertionError):
    """A message that had to follow from a deed has not come."""


class Traffic:
    """A tail of all logs on a thread of its own."""

    def __init__(self, env: Mapping[str, str], mark: str, within_s: float) -> None:
        """Prepares the tail; it starts when the block is entered.

        Args:
            env: Names all services, and in `RABBITMQ_URL` an account that may read all logs.
            mark: How the correlation ids of all that is listened for begin.
            within_s: How long to wait for a message.
        """
        self._within_s = within_s
        since = datetime.now(UTC) - BROKERS_CLOCK_MAY_BE_SLOW_BY
        ca_file = env.get("RABBITMQ_CA_FILE")
        self._tail = LogTail(
            env["RABBITMQ_URL"],
            logs_of(services_in(env, always=HOSPITAL)),
            self._note,
            since=since,
            correlated=mark,
            ca_file=Path(ca_file) if ca_file else None,
        )
        self._by_correlation: dict[str, list[LogMessage]] = defaultdict(list)
        self._arrived = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tail.follow, args=(self._stopping.is_set,), name="traffic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._tail.close()

    def heard(self) -> dict[str, tuple[LogMessage, ...]]:
        """Returns all messages so far, by their logs' stems."""
        with self._arrived:
            return {stem: tuple(messages) for stem, messages in self._tail.messages.items()}

    def wait_for(self, correlation_id: str, types: Iterable[str]) -> list[LogMessage]:
        """Waits until messages of all these types have followed from a deed; returns all that have, oldest first.

        Args:
            correlation_id: What the deed's requests carried.
            types: Each as often as it is expected.

        Raises:
            MessageMissing: One did not come in time.
        """
        expected = sorted(types)
        give_up_at = time.monotonic() + self._within_s
        with self._arrived:
            while missing := _missing(expected, self._by_correlation[correlation_id]):
                left_s = give_up_at - time.monotonic()
                if left_s <= 0 or not self._arrived.wait(left_s):
                    seen = [message.type for message in self._by_correlation[correlation_id]]
                    raise MessageMissing(
                        f"within {self._within_s:.0f} s there was no {', '.join(missing)}; there were {seen}"
                    )
            found = self._by_correlation[correlation_id]
        return sorted(found, key=lambda message: (message.at is None, message.at, message.offset))

    def _note(self, _stem: str, message: LogMessage) -> None:
        if message.correlation_id is None:
            return
        with self._arrived:
            self._by_correlation[message.correlation_id].append(message)
            self._arrived.notify_all()


def _missing(expected: list[str], messages: list[LogMessage]) -> list[str]:
    left = list(expected)
    for message in messages:
        if message.type in left:
            left.remove(message.type)
    return left
