"""Lets no message out to a target of which it is not known, on this connection, that it is what its name says."""

import logging
import time
from collections.abc import Container
from operator import itemgetter

from infirmary_relay.backoff import Backoff, Backoffs
from infirmary_relay.broker.declarer import IS_THERE, Declarer
from infirmary_relay.broker.targets import is_log
from infirmary_relay.looks import Looks
from infirmary_relay.message import KEY, TARGET, Row, could_be_sent
from infirmary_relay.sources.source import Source
from infirmary_relay.window import Window

_log = logging.getLogger(__name__)
_TIMEOUT_S = 0.2
"""How long the loop waits to know a batch's targets for what they are; those that take longer are held back."""


class Targets:
    """Has targets looked at, and holds back what goes to those that cannot be used."""

    def __init__(self, declarer: Declarer, backoffs: Backoffs) -> None:
        self._declarer = declarer
        self._backoffs = backoffs
        self._looks = Looks(declarer.ask)

    def fileno(self) -> int:
        """The descriptor that becomes readable when a look has ended."""
        return self._declarer.fileno()

    def drain_notifications(self) -> None:
        """Empties the descriptor."""
        self._declarer.drain_notifications()

    def admitted(self, source: Source, known: set[str], batch: list[Row], now: float) -> list[Row]:
        """What may be published of a batch; holds back the rest.

        What bears a log's name and is none would take its messages, and they would be deleted here.

        Args:
            source: where the batch comes from.
            known: the targets that were looked at on this connection; grows.
            batch: what was fetched.
            now: the loop's monotonic clock, in seconds.
        """
        strange = set(map(itemgetter(TARGET), batch)) - known
        if not strange:
            return batch
        left_out: dict[str, Row] = {}
        for row in batch:
            if row[TARGET] in strange and could_be_sent(row):
                left_out.setdefault(row[TARGET], row)
        ends_at = time.monotonic() + _TIMEOUT_S
        for target, row in list(left_out.items()):
            error = self._declarer.ask(target, timeout_s=ends_at - time.monotonic())
            if error == IS_THERE:
                known.add(target)
                self._looks.right(target)
                del left_out[target]
            else:
                self._backoffs.missing(row, error, now)
                _note(target, error)
        return _without(left_out, source, batch)

    def to_logs(self, source: Source, batch: list[Row], now: float) -> list[Row]:
        """What may be published of a batch while the broker takes nothing by AMQP; holds back what goes to queues.

        Nothing is known against these: why they wait is the broker's, and told as such.
        """
        left_out: dict[str, Row] = {}
        for row in batch:
            if not is_log(row[TARGET]) and could_be_sent(row):
                left_out.setdefault(row[TARGET], row)
        for row in left_out.values():
            self._backoffs.missing(row, None, now)
        return _without(left_out, source, batch)

    def may_end(self, window: Window, now: float) -> bool:
        """Whether it is known of a window's targets what they were when they confirmed it; has them looked at.

        Raises:
            BrokerLostError: that cannot be found out.
        """
        if window.looks is None:
            window.settled_at = time.monotonic()
            window.looks = self._looks.want(set(map(itemgetter(TARGET), window.rows)), now)
        wrong = self._looks.found(window.looks, now)
        if wrong is None:
            return False
        window.confirmed_by_others(wrong)
        return True

    def ended(self, window: Window, known: set[str], now: float) -> None:
        """Holds back those targets of a window that were something else when they confirmed it."""
        if not window.wrong:
            return
        receipts = window.receipts()
        stays = [*receipts.returned, *receipts.refused]
        for target, error in window.wrong.items():
            known.discard(target)
            for first in [row for row in stays if row[TARGET] == target][:1]:
                self._backoffs.missing(first, error, now)
            _note(target, error)

    def reset_in_flight(self) -> None:
        """Notes that the windows that waited for looks are gone with their connection."""
        self._looks.reset_in_flight()

    def is_there_again(self, backoff: Backoff, known: set[str], now: float) -> bool:
        """Has a target that is held back looked at; whether it can be used now."""
        error = self._declarer.ask(backoff.name)
        if error == IS_THERE:
            known.add(backoff.name)
            self._looks.right(backoff.name)
            return True
        if error is not None:
            if error != backoff.reason:
                _note(backoff.name, error)
            self._backoffs.still_missing(backoff, error, now)
        return False


def _without(targets: Container[str], source: Source, batch: list[Row]) -> list[Row]:
    """Leaves out of a batch what goes to some targets, and tells its source that it is not in flight."""
    source.settle([], [row[KEY] for row in batch if row[TARGET] in targets])
    return [row for row in batch if row[TARGET] not in targets]


def _note(target: str, error: str | None) -> None:
    if error is not None:
        _log.warning("what goes to %.120s is held back: %s", target, error)
