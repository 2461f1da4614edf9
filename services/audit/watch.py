"""Follows the chain beside the consumer: what has come since the last look, and once a day all of it."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Gauge

from infirmary.beside import Round
from infirmary.postgres.session import connect
from infirmary.postgres.transaction import Query
from infirmary.settings import Settings, read
from services.audit import store
from services.audit.model import Broken, Head, Walk, not_in_chain, upto
from services.audit.settings import AuditSettings

_logger = logging.getLogger(__name__)

LATELY_EVERY_S: Final = 10.0
ALL_EVERY_S: Final = 86_400.0
ALL_SHARE: Final = 0.1
"""Of the thread's time: it has a day for it."""

_AT_ONCE: Final = 500
_MOST_KNOWN: Final = 1000

# Read when the process starts: a bad value is to stop it there.
EXPLAINED: Final = frozenset(read(AuditSettings).record_breaks_explained or ())

BREAKS = Gauge(
    "infirmary_record_breaks",
    "Is what is on record as it was put down? How many places of it are not, and nobody has explained; 1000 or more are"
    " 1000.",
)
WALKED = Gauge(
    "infirmary_record_walked_timestamp_seconds",
    "Is all of the record looked at? When a walk along all of it was last completed, in unix time; 0 before.",
)
ENTRIES = Gauge(
    "infirmary_record_entries",
    "How much is on record? How many requests were at the last look.",
)


class Watch:
    """What one process has found of the chain. A break that was seen is known for as long as the process lives."""

    def __init__(self, settings: Settings, explained: Iterable[str] = EXPLAINED) -> None:
        """Knows nothing yet.

        Args:
            settings: Where the database is.
            explained: Names of breaks that somebody has explained.
        """
        self._settings, self._explained = settings, frozenset(explained)
        self._known: set[str] = set()
        self._lately: Walk | None = None
        self._all: Walk | None = None

    def lately(self) -> Iterator[None]:
        """Walks along what has come since the last look. Where the chain ended at the first look is taken on trust.

        The end of the last look is remembered here, where nobody comes who makes the whole chain in the database anew.
        """
        with self._reading() as db:
            head = store.head(db)
            if self._lately is not None:
                self._note(self._lately.still(store.links(db, self._lately.head.position - 1, 1)))
                yield from self._walk(db, self._lately, head)
            self._lately = None if head is None else Walk(head)
        ENTRIES.set(0 if head is None else head.position)

    def all_of_it(self) -> Iterator[None]:
        """Walks along all of it; one that was cut short by a lost connection goes on."""
        self._all = self._all or Walk()
        with self._reading() as db:
            yield from self._walk(db, self._all, store.head(db))
        self._all = None
        WALKED.set(time.time())

    def _walk(self, db: Query, walk: Walk, head: Head | None) -> Iterator[None]:
        while links := list(upto(store.links(db, walk.head.position, _AT_ONCE), head)):
            self._note(walk.on(links))
            yield
        self._note(walk.end(head))
        self._note(not_in_chain(store.outside(db)))

    def _note(self, found: Iterable[Broken]) -> None:
        for broken in found:
            if broken.name in self._known or len(self._known - self._explained) >= _MOST_KNOWN:
                continue
            self._known.add(broken.name)
            known = ", explained" if broken.name in self._explained else ""
            _logger.error("BROKEN at record %d: %s. (%s%s)", broken.position, broken.why, broken.name, known)
        BREAKS.set(len(self._known - self._explained))

    @contextmanager
    def _reading(self) -> Iterator[Query]:
        with connect(self._settings, "audit/consumer/watch") as connection:
            yield Query(connection)


def rounds(settings: Settings) -> list[Round]:
    """Returns what is done beside the consumer."""
    watch = Watch(settings)
    late = "the record of access is not looked at for a while"
    return [
        Round(late, watch.lately, LATELY_EVERY_S, first_s=1.0),
        Round(f"{late}, as a whole", watch.all_of_it, ALL_EVERY_S, first_s=LATELY_EVERY_S, share=ALL_SHARE),
    ]
