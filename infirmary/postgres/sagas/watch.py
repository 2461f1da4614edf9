"""Counts sagas by status, with the start of the oldest that is under way; looks now and then."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, get_args

from prometheus_client import Gauge

from infirmary.observing.tables import COUNTED_TO
from infirmary.postgres.transaction import Query
from infirmary.saga.advance import Status
from infirmary.saga.definition import Saga
from infirmary.saga.told import OUTCOMES

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
OPEN: Final = tuple(status for status in STATUSES if status not in OUTCOMES)

SAGAS = Gauge(
    "infirmary_sagas",
    "How many sagas are there, and how far are they? Those under way exactly; of those that have ended about as many as"
    f" there are, once they are more than {COUNTED_TO}. Each process counts all, so take the greatest.",
    ["saga", "status"],
)
OLDEST = Gauge(
    "infirmary_saga_oldest_timestamp_seconds",
    "Is a saga stuck? When the oldest one that is in a status began, in unix time; 0 when none is.",
    ["saga", "status"],
)

LOOK_EVERY_S: Final = 5.0
"""Or more rarely: it takes no more than a hundredth of the time."""

_SHARE: Final = 100

_OPEN: Final[LiteralString] = """
SELECT name, status, count(*) AS sagas, min(started_at) AS oldest FROM (
    SELECT name, status, started_at FROM saga WHERE due_at IS NOT NULL AND status <> 'parked'
    UNION ALL SELECT name, status, started_at FROM saga WHERE status = 'parked'
) AS under_way GROUP BY name, status
"""
"""Each half by an index of its own; what waits for nobody but an operator has no time at which it is due."""

_ENDED: Final[LiteralString] = """
SELECT name, status, count(*) AS sagas, NULL AS oldest
FROM (SELECT name, status FROM saga WHERE status IN ('completed', 'failed') LIMIT %(most)s) AS ended
GROUP BY name, status
"""

_ESTIMATE: Final[LiteralString] = "SELECT reltuples FROM pg_class WHERE oid = 'saga'::regclass"


@dataclass(frozen=True, slots=True)
class _Counted:
    name: str
    status: str
    sagas: int
    oldest: datetime | None


class SagaWatch:
    """Shows the sagas of one service."""

    def __init__(self, query: Query, sagas: Iterable[Saga[Any]], clock: Callable[[], float] = time.monotonic) -> None:
        """Prepares it; the first look is at once.

        Args:
            query: Where the sagas are.
            sagas: Their declarations.
            clock: Seconds.
        """
        self._query, self._clock = query, clock
        self._names = frozenset(saga.name for saga in sagas)
        self._look_at = clock()

    def look(self) -> None:
        """Looks, if it is time to.

        Raises:
            psycopg.Error: The database is away.
        """
        began = self._clock()
        if began < self._look_at:
            return
        under_way = self._query.many(_Counted, _OPEN)
        _show(self._names, OPEN, under_way, 1.0)
        ended = self._query.many(_Counted, _ENDED, most=COUNTED_TO)
        counted = sum(each.sagas for each in ended)
        some = sum(each.sagas for each in under_way)
        share = (self._query.value(_ESTIMATE) - some) / counted if counted == COUNTED_TO else 1.0
        _show(self._names, OUTCOMES, ended, max(share, 1.0))
        took = self._clock() - began
        self._look_at = began + max(LOOK_EVERY_S, _SHARE * took)


def expect_statuses(sagas: Iterable[Saga[Any]]) -> None:
    """Shows nought for each status of each saga."""
    names = [saga.name for saga in sagas]
    _show(names, STATUSES, (), 1.0)


def _show(names: Iterable[str], statuses: Iterable[Status], counted: Iterable[_Counted], times: float) -> None:
    found = {(each.name, each.status): each for each in counted}
    for name in names:
        for status in statuses:
            each = found.get((name, status))
            SAGAS.labels(name, status).set(round(each.sagas * times) if each else 0)
            if status in OPEN:
                OLDEST.labels(name, status).set(each.oldest.timestamp() if each and each.oldest else 0.0)
