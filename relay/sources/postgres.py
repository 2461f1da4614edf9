"""An outbox in PostgreSQL: one connection owns partitions, listens, fetches and deletes."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus, Format

from relay import membership
from relay.floor import Floor
from relay.frames import encode_header
from relay.message import BODY, HEADER, KEY, MESSAGE_ID, SUBJECT, Key, Row
from relay.sources import postgres_statements as statements
from relay.sources.postgres_ownership import Ownership
from relay.sources.postgres_session import LOOK, check_outbox, connect, prepare_look
from relay.sources.postgres_types import Ids, IdSet
from relay.sources.source import Backlog, Blocked, SourceLostError

WATCH_S = 0.006
"""Longer than a writer may wait with its next nudge (docs/outbox-contract.md): meanwhile we look for ourselves."""
_SAMPLE_S = 0.1
"""How often to ask who holds the lock on the outbox: pg_locks looks at every backend."""
_COUNTED_ROWS = 10_000
_SMALLEST_FETCH_ROWS = 8
_log = logging.getLogger(__name__)


class PostgresSource:
    """The outbox of one service; see Source for what its methods promise."""

    poll_s: float
    watch_s = WATCH_S

    def __init__(
        self, url: str, *, service: str, relay_id: UUID, poll_s: float, batch_rows: int, batch_bytes: int
    ) -> None:
        """Connects.

        Raises:
            SourceLostError: the database can not be reached.
            OutboxUnusableError: it holds no outbox as the contract describes it.
        """
        self.poll_s = poll_s
        self.has_more = False
        self.is_nudged = False
        self._service = service
        self._batch_bytes = batch_bytes
        self._inline_bytes = max(1, batch_bytes // batch_rows)
        self._batch_rows = self._most_rows = batch_rows
        self._floor = Floor()
        self._next_sample = 0.0
        self._in_flight: set[int] = set()
        self._confirmed = Ids()
        name = f"relay {service[:20]} "
        with _lost_as_source_lost():
            self._connection = connect(url, name + str(relay_id))
            self._connection.add_notify_handler(self._nudged)
            check_outbox(self._connection)
            prepare_look(self._connection)
            self._ownership = Ownership(self._connection, relay_id, name)

    @property
    def partitions(self) -> int:
        """How many partitions this relay owns."""
        return len(self._ownership.owned)

    def fileno(self) -> int:
        """Returns the descriptor on which a nudge arrives."""
        return self._connection.fileno()

    def hear(self) -> None:
        """Reads the nudges that have come."""
        with _lost_as_source_lost():
            pgconn = self._connection.pgconn
            pgconn.consume_input()
            self._note_nudges()

    def keep_up(self, now: float) -> None:
        """Beats, takes its share of the partitions and lets go of others."""
        with _lost_as_source_lost():
            if self._ownership.keep_up(now, self._in_flight):
                self._floor.reset()
                self.has_more = True

    def fetch(self, blocked: Blocked, rows: int) -> list[Row]:
        """Deletes the confirmed and returns the next rows above the floor, in the order of their ids."""
        expects_rows, self.is_nudged = self.is_nudged or self.has_more, False
        self._floor.blocking(
            {f"target {name}" for name in blocked.targets} | {f"subject {s}" for s in blocked.subjects}
        )
        limit = min(rows, self._most_rows)
        self._most_rows = min(2 * self._most_rows, self._batch_rows)
        with _lost_as_source_lost():
            if not expects_rows and self._is_idle():
                return []
            fetched = self._next_rows(blocked, limit)
            self.has_more = len(fetched) == limit
            batch = self._completed(fetched)
            self._in_flight.update(cast("int", row[KEY]) for row in batch)
            self._raise_floor(batch)
        return batch

    def settle(self, confirmed: list[Key], kept: list[Key]) -> None:
        """Notes that these are no longer in flight."""
        self._confirmed.extend(cast("list[int]", confirmed))
        self._in_flight.difference_update(cast("list[int]", kept))

    def flush(self) -> None:
        """Deletes what was settled as confirmed."""
        if self._confirmed:
            with _lost_as_source_lost():
                self._connection.execute(statements.DELETE, {"confirmed": self._confirmed}, prepare=True)
            self._deleted()

    def forget(self) -> None:
        """Notes that nothing is in flight any more."""
        self._in_flight.intersection_update(self._confirmed)
        self.has_more = True

    def backlog(self) -> Backlog:
        """Measures what waits, counting no further than 10,000."""
        asked = {"floor": self._floor.lowest_needed, "limit": _COUNTED_ROWS}
        with _lost_as_source_lost():
            (count, age_s), *_ = self._connection.execute(statements.BACKLOG, asked).fetchall()
        return Backlog(count, age_s)

    def close(self) -> None:
        """Deletes what was confirmed, lets go of all partitions at once and disconnects."""
        try:
            self.flush()
            with _lost_as_source_lost():
                self._ownership.leave()
        except SourceLostError as lost:
            _log.info("left without saying goodbye: %s", lost)
        self._connection.close()

    def _next_rows(self, blocked: Blocked, limit: int) -> list[tuple[object, ...]]:
        owned = self._ownership.owned
        if not owned:
            self.flush()
            return []
        statement = statements.fetch(
            deleting=bool(self._confirmed),
            sharing=len(owned) < membership.PARTITIONS,
            blocked_subjects=bool(blocked.subjects),
            blocked_targets=bool(blocked.targets),
        )
        asked = {
            "confirmed": self._confirmed,
            "floor": self._floor.value,
            "in_flight": IdSet(sorted(self._in_flight)),
            "partitions": sorted(owned),
            "subjects": list(blocked.subjects),
            "targets": list(blocked.targets),
            "inline_bytes": self._inline_bytes,
            "rows": limit,
        }
        fetched = self._connection.execute(statement, asked, prepare=True, binary=True).fetchall()
        self._deleted()
        return fetched

    def _is_idle(self) -> bool:
        """Looks whether any row lies above the floor: a tenth of a fetch's cost, for a relay that has nothing to do."""
        if self._confirmed or self._in_flight or not self._floor.is_at_rest:
            return False
        found = self._connection.pgconn.exec_prepared(LOOK, [b"%d" % self._floor.value], result_format=Format.BINARY)
        self._note_nudges()
        if found.status != ExecStatus.TUPLES_OK:
            raise SourceLostError(f"PostgreSQL: {found.error_message.decode(errors='replace').strip()}")
        return found.get_value(0, 0) == b"\x00"

    def _note_nudges(self) -> None:
        while self._connection.pgconn.notifies():
            self.is_nudged = True

    def _deleted(self) -> None:
        self._in_flight.difference_update(self._confirmed)
        self._confirmed = Ids()

    def _completed(self, fetched: list[tuple[object, ...]]) -> list[Row]:
        """Adds the bodies too large to come along, as many as fit, and the headers that the writer left null."""
        batch = cast("list[Row]", fetched)
        if any(row[BODY] is None for row in fetched):
            batch = self._with_bodies(batch)
        if any(row[HEADER] is None for row in fetched):
            batch = [self._with_header(row) for row in batch]
        return batch

    def _with_bodies(self, rows: list[Row]) -> list[Row]:
        ids = Ids(row[KEY] for row in rows)
        asked = {"ids": ids, "first": ids[0], "batch_bytes": self._batch_bytes}
        found: dict[int, bytes] = dict(
            self._connection.execute(statements.BODIES, asked, prepare=True, binary=True).fetchall()
        )
        self.has_more = self.has_more or len(found) < len(rows)
        self._most_rows = max(_SMALLEST_FETCH_ROWS, 2 * len(found))
        return [cast("Row", (*row[:BODY], found[row[KEY]], row[-1])) for row in rows if row[KEY] in found]

    def _with_header(self, row: Row) -> Row:
        written, columns = cast("tuple[Any, ...]", row)[HEADER], cast("tuple[Any, ...]", row)[-1]
        if written is not None:
            return row
        header = encode_header(
            body_bytes=len(row[BODY]),
            message_id=UUID(bytes=row[MESSAGE_ID]),
            source=self._service,
            message_type=columns["type"],
            subject=row[SUBJECT],
            sequence=columns["sequence"],
            created_at=datetime.fromisoformat(columns["created_at"]),
        )
        return (*row[:HEADER], header, row[BODY])

    def _raise_floor(self, batch: list[Row]) -> None:
        last = cast("int", batch[-1][KEY]) if batch else 0
        self._floor.fetched(
            highest=last,
            complete_to=last if self.has_more else math.inf,
            lowest_in_flight=min(self._in_flight, default=math.inf),
        )
        now = time.monotonic()
        if self._floor.wants_sample and now >= self._next_sample:
            self._next_sample = now + _SAMPLE_S
            asked = {"outbox": self._ownership.outbox_oid}
            rows = self._connection.execute(statements.WRITERS, asked, prepare=True).fetchall()
            self._floor.sampled({writer for (writer,) in rows})

    def _nudged(self, _: psycopg.Notify) -> None:
        self.is_nudged = True


@contextmanager
def _lost_as_source_lost() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as lost:
        raise SourceLostError(f"PostgreSQL: {str(lost).strip()}") from lost
