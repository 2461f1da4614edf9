"""Counts sagas by status, with the start of the oldest that is under way; looks now and then."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, get_args

from prometheus_client import Gauge

from infirmary.consumer.series import OTHER
from infirmary.observing.tables import COUNTED_TO
from infirmary.postgres.transaction import Query
from infirmary.saga.definition import Saga
from infirmary.saga.state import Status
from infirmary.saga.told import OUTCOMES

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
OPEN: Final = tuple(status for status in STATUSES if status not in OUTCOMES)

SAGAS = Gauge(
    "infirmary_sagas",
    "How many sagas are there that are not archived, and how far are they? Those under way exactly; of those that have"
    f" ended about as many as there are, once they are more than {COUNTED_TO}. Each process counts all, so take the"
    " greatest.",
    ["saga", "status"],
)
OLDEST = Gauge(
    "infirmary_saga_oldest_timestamp_seconds",
    "Is a saga stuck? When the oldest one that is in a status began, in unix time; 0 when none is.",
    ["saga", "status"],
)

UNDER_WAY = Gauge(
    "infirmary_sagas_under_way",
    "By which version do sagas go? Those that have not ended, by the version that they began with. `unknown` is a"
    " version that this process does not know: a pod that knows it carries them on; `other` is a saga that it does not"
    " know at all. Each process counts all.",
    ["saga", "version"],
)
UNKNOWN: Final = "unknown"

LOOK_EVERY_S: Final = 5.0
"""Or more rarely: it takes no more than a hundredth of the time."""

_SHARE: Final = 100

_OPEN: Final[LiteralString] = """
SELECT name, version, status, count(*) AS sagas, min(started_at) AS oldest FROM (
    SELECT name, version, status, started_at FROM saga WHERE due_at IS NOT NULL AND status <> 'parked'
    UNION ALL SELECT name, version, status, started_at FROM saga WHERE status = 'parked'
) AS under_way GROUP BY name, version, status
"""
"""Each half by an index of its own; what waits for nobody but an operator has no time at which it is due."""

_ENDED: Final[LiteralString] = """
SELECT name, 0 AS version, status, count(*) AS sagas, NULL AS oldest
FROM (SELECT name, status FROM saga WHERE status IN ('completed', 'failed') LIMIT %(most)s) AS ended
GROUP BY name, status
"""

_ESTIMATE: Final[LiteralString] = "SELECT reltuples FROM pg_class WHERE oid = 'saga'::regclass"


@dataclass(frozen=True, slots=True)
class _Counted:
    name: str
    version: int
    status: str
    sagas: int
    oldest: datetime | None


class SagaWatch:
    """Shows the sagas of one service."""

    def __init__(self, query: Query, sagas: Iterable[Saga[Any]], clock: Callable[[], float] = time.monotonic) -> None:
        """Prepares it; the first look is at once.

        Args:
            query: Where the sagas are.
            sagas: Their declarations, each in its newest version.
            clock: Seconds.
        """
        self._query, self._clock = query, clock
        self._sagas = tuple(sagas)
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
        _show(self._sagas, OPEN, under_way, 1.0)
        _show_versions(self._sagas, under_way)
        ended = self._query.many(_Counted, _ENDED, most=COUNTED_TO)
        counted = sum(each.sagas for each in ended)
        some = sum(each.sagas for each in under_way)
        share = (self._query.value(_ESTIMATE) - some) / counted if counted == COUNTED_TO else 1.0
        _show(self._sagas, OUTCOMES, ended, max(share, 1.0))
        took = self._clock() - began
        self._look_at = began + max(LOOK_EVERY_S, _SHARE * took)


def expect_statuses(sagas: Iterable[Saga[Any]]) -> None:
    """Shows nought for each status and version of each saga."""
    known = tuple(sagas)
    _show(known, STATUSES, (), 1.0)
    _show_versions(known, ())


def _show(sagas: Iterable[Saga[Any]], statuses: Iterable[Status], counted: Iterable[_Counted], times: float) -> None:
    found: dict[tuple[str, str], list[_Counted]] = {}
    for each in counted:
        found.setdefault((each.name, each.status), []).append(each)
    for saga in sagas:
        for status in statuses:
            of_it = found.get((saga.name, status), [])
            SAGAS.labels(saga.name, status).set(round(sum(each.sagas for each in of_it) * times))
            if status in OPEN:
                oldest = min((each.oldest.timestamp() for each in of_it if each.oldest), default=0.0)
                OLDEST.labels(saga.name, status).set(oldest)


def _show_versions(sagas: Iterable[Saga[Any]], under_way: Iterable[_Counted]) -> None:
    shown = {(saga.name, str(version.version)): 0 for saga in sagas for version in saga.versions()}
    shown |= {(name, UNKNOWN): 0 for name in (*(saga.name for saga in sagas), OTHER)}
    for each in under_way:
        keys = ((each.name, str(each.version)), (each.name, UNKNOWN), (OTHER, UNKNOWN))
        shown[next(key for key in keys if key in shown)] += each.sagas
    for labels, count in shown.items():
        UNDER_WAY.labels(*labels).set(count)
