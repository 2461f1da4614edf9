"""An outbox in PostgreSQL: one connection owns partitions, listens, fetches and deletes."""

import math
import time
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import cast
from uuid import UUID

import psycopg

from infirmary_relay.floor import Floor
from infirmary_relay.message import KEY, Key, Row
from infirmary_relay.problem import Problem
from infirmary_relay.sources.postgres_ahead import Ahead
from infirmary_relay.sources.postgres_backlog import measure, still_there
from infirmary_relay.sources.postgres_deletion import Deletion
from infirmary_relay.sources.postgres_fetch import next_rows
from infirmary_relay.sources.postgres_incarnation import incarnation_of
from infirmary_relay.sources.postgres_ownership import Ownership
from infirmary_relay.sources.postgres_reading import Reading
from infirmary_relay.sources.postgres_rows import Fetched, created_at
from infirmary_relay.sources.postgres_session import check_outbox, connect, identity_of, lost_as_source_lost, noted_logs
from infirmary_relay.sources.postgres_types import Ids
from infirmary_relay.sources.postgres_writers import Writers
from infirmary_relay.sources.source import Backlog, HeldBack

WATCH_S = 0.006
"""Longer than a writer may wait with its next nudge (docs/outbox-contract.md): meanwhile we look for ourselves."""


class PostgresSource:
    """The outbox of one service; see Source for what its methods promise."""

    poll_s: float
    watch_s = WATCH_S
    created_at = staticmethod(created_at)

    def __init__(
        self,
        url: str,
        *,
        service: str,
        relay_id: UUID,
        poll_s: float,
        batch_rows: int,
        batch_bytes: int,
        message_max_bytes: int,
        ca_file: Path | None = None,
    ) -> None:
        """Connects.

        Raises:
            SourceLostError: the database cannot be reached.
            OutboxUnusableError: it holds no outbox as the contract describes it.
        """
        self.poll_s = poll_s
        self.has_more = False
        self.is_nudged = False
        self._floor = Floor()
        self.floor_held_since: float | None = None
        self._in_flight: set[int] = set()
        name = f"relay {service[:20]} "
        with lost_as_source_lost():
            self._connection = connect(url, name + str(relay_id), ca_file)
            self._connection.add_notify_handler(self._nudged)
            check_outbox(self._connection)
            self._connection.prepare_look()
            self.identity = identity_of(self._connection)
            self.logs = noted_logs(self._connection)
            self.incarnation = incarnation_of(self._connection)
            self._deletion = Deletion(self._connection)
            self._ahead = Ahead(self._connection)
            self._reading = Reading(
                self._connection,
                service=service,
                batch_rows=batch_rows,
                batch_bytes=batch_bytes,
                message_max_bytes=message_max_bytes,
            )
            self._ownership = Ownership(self._connection, relay_id, name)
            self._writers = Writers(self._connection, self._ownership.outbox_oid)

    @property
    def partitions(self) -> int:
        """How many partitions this relay owns."""
        return len(self._ownership.owned)

    @property
    def last_error(self) -> Problem | None:
        """Says that partitions or rows have been another session's for too long."""
        return self._ownership.last_error or self._deletion.last_error

    def fileno(self) -> int:
        """The descriptor on which a nudge arrives."""
        return self._connection.fileno()

    def drain_notifications(self) -> None:
        """Reads the nudges that have come."""
        with lost_as_source_lost():
            pgconn = self._connection.pgconn
            pgconn.consume_input()
            while pgconn.notifies():
                self.is_nudged = True

    def heartbeat(self, now: float) -> None:
        """Beats, takes its share of the partitions and lets go of others."""
        with lost_as_source_lost():
            self._in_flight -= self._deletion.retry_locked(now)
            owned = self._ownership.owned
            has_more = self._ownership.heartbeat(now, self._in_flight)
            if owned != self._ownership.owned:
                self._ahead.kept()
            if has_more:
                self._floor.reset()
                self.has_more = True

    def fetch(self, held_back: HeldBack, rows: int) -> list[Row]:
        """Deletes the confirmed and gives the next rows above the floor, in the order of their ids."""
        expects_rows = self.is_nudged or self.has_more
        if not self._ahead.is_asked:  # else what has nudged since then may not be in the answer
            self.is_nudged = False
        self._floor.leaving_out(
            {f"target {name}" for name in held_back.targets} | {f"subject {s}" for s in held_back.subjects}
        )
        with lost_as_source_lost():
            try:
                if not expects_rows and self._is_idle():
                    return []
                batch, self.has_more = self._next_batch(held_back, rows)
            except psycopg.errors.LockNotAvailable:
                self.has_more = self._deletion.is_table_locked = True
                return []
            self._deletion.is_table_locked = False
            self._in_flight.update(cast("int", row[KEY]) for row in batch)
            self._raise_floor(batch)
        return batch

    def ask(self, held_back: HeldBack, rows: int) -> None:
        """Sends the next fetch, whose answer `fetch` takes if nothing has changed meanwhile."""
        with lost_as_source_lost():
            if not self._ahead.is_asked and self._ownership.owned and not self._deletion.locked:
                limit = self._reading.limit(rows)
                statement, asked = self._next_statement(held_back, limit, Ids(), only_ids=False)
                self._ahead.ask(statement, asked, (held_back, limit, self._ownership.owned))
                self.is_nudged = False

    def settle(self, confirmed: list[Key], kept: list[Key]) -> None:
        """Notes that these are no longer in flight."""
        if kept:
            self._ahead.kept()
        self._deletion.confirmed.extend(cast("list[int]", confirmed))
        self._in_flight.difference_update(cast("list[int]", kept))

    def flush(self) -> None:
        """Deletes what was settled as confirmed."""
        if self._deletion.confirmed:
            with lost_as_source_lost():
                self._in_flight -= self._deletion.flush()

    def reset_in_flight(self) -> None:
        """Notes that nothing is in flight any more."""
        self._ahead.kept()
        self._in_flight.intersection_update(self._deletion.locked.union(self._deletion.confirmed))
        self.has_more = True

    def backlog(self, held_back: HeldBack) -> Backlog | None:
        """Measures what waits; None while the outbox is locked."""
        sent = self._deletion.locked.union(self._deletion.confirmed)
        with lost_as_source_lost():
            self.floor_held_since = self._writers.look()
            try:
                return measure(self._connection, self._floor.lowest_needed, self._ownership.owned, sent, held_back)
            except psycopg.errors.LockNotAvailable:
                return None

    def present(self, keys: list[Key]) -> AbstractSet[Key]:
        """Which of these rows are still there, in a partition that this relay owns."""
        with lost_as_source_lost():
            return still_there(self._connection, cast("list[int]", keys), self._ownership.owned)

    def drain(self) -> None:
        """Deletes what was confirmed and lets go of all partitions at once."""
        self.flush()
        with lost_as_source_lost():
            self._ownership.release_all()

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()

    def _next_batch(self, held_back: HeldBack, rows: int) -> tuple[list[Row], bool]:
        if self._ownership.owned:
            return self._reading.batch(partial(self._next_rows, held_back), held_back, rows)
        self.flush()
        return [], False

    def _next_rows(self, held_back: HeldBack, limit: int, *, only_ids: bool) -> list[Fetched]:
        if self._deletion.locked:
            self.flush()
        if self._ahead.is_asked:
            self.flush()
            answer = self._ahead.answer((held_back, limit, self._ownership.owned))
            if answer is not None and not only_ids:
                return answer.rows()
        statement, asked = self._next_statement(held_back, limit, self._deletion.confirmed, only_ids=only_ids)
        try:
            fetched = self._connection.execute(statement, asked, prepare=True, binary=True).fetchall()
        except psycopg.errors.LockNotAvailable:
            if not self._deletion.confirmed:
                raise
            self._in_flight -= self._deletion.around_locks()
            return self._next_rows(held_back, limit, only_ids=only_ids)
        self._in_flight -= self._deletion.done()
        return fetched

    def _next_statement(
        self, held_back: HeldBack, limit: int, confirmed: Ids, *, only_ids: bool
    ) -> tuple[str, dict[str, object]]:
        return next_rows(
            self._ownership.owned,
            held_back,
            floor=self._floor.value,
            in_flight=self._in_flight,
            confirmed=confirmed,
            inline_bytes=self._reading.inline_bytes,
            limit=limit,
            only_ids=only_ids,
        )

    def _is_idle(self) -> bool:
        """Looks whether any row lies above the floor: a tenth of a fetch's cost, for a relay that has nothing to do."""
        if self._deletion.confirmed or self._in_flight or not self._floor.is_at_rest:
            return False
        return not self._connection.look(self._floor.value)

    def _raise_floor(self, batch: list[Row]) -> None:
        last = cast("int", batch[-1][KEY]) if batch else 0
        self._floor.fetched(
            highest=last,
            complete_to=last if self.has_more else math.inf,
            lowest_in_flight=min(self._in_flight, default=math.inf),
        )
        self._writers.tell(self._floor, time.monotonic())

    def _nudged(self, _: psycopg.Notify) -> None:
        self.is_nudged = True
