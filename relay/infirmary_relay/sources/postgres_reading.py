"""Reads rows of an outbox in PostgreSQL; where the server or the driver cannot read one, it still reads the others."""

import logging
import struct
from collections.abc import Mapping
from operator import itemgetter
from typing import Protocol, cast

import psycopg

from infirmary_relay.message import BODY, KEY, Row, Unfit, too_large
from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_ownership import PostgresConnection
from infirmary_relay.sources.postgres_rows import Fetched, unfit, unreadable, with_headers
from infirmary_relay.sources.postgres_types import Ids
from infirmary_relay.sources.source import HeldBack

_SMALLEST_FETCH_ROWS = 8
_ONE_BY_ONE_ROWS = 100
_DRIVERS_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, struct.error)
"""What psycopg may raise over a value that Python has none for."""
_CORRUPTED = "XX"
_log = logging.getLogger(__name__)


class NextRows(Protocol):
    """Reads the next rows, or only their ids."""

    def __call__(self, limit: int, *, only_ids: bool) -> list[Fetched]:
        """At most so many rows, in the order of their ids."""


class Reading:
    """What is read with one fetch, and how much at a time."""

    def __init__(
        self,
        connection: PostgresConnection,
        *,
        service: str,
        batch_rows: int,
        batch_bytes: int,
        message_max_bytes: int,
    ) -> None:
        self._connection = connection
        self._service = service
        self._batch_rows = self._most_rows = batch_rows
        self._batch_bytes = batch_bytes
        self._message_max_bytes = message_max_bytes
        self.inline_bytes = min(max(1, batch_bytes // batch_rows), message_max_bytes)
        """Bodies up to this size come with their rows."""

    def limit(self, rows: int) -> int:
        """How many rows the next fetch reads when it may read so many."""
        return min(rows, self._most_rows)

    def batch(self, next_rows: NextRows, held_back: HeldBack, rows: int) -> tuple[list[Row], bool]:
        """The next messages, and whether there may be more."""
        limit = self.limit(rows)
        self._most_rows = min(2 * self._most_rows, self._batch_rows)
        try:
            fetched = next_rows(limit, only_ids=False)
            batch = self._completed(fetched)
        except (psycopg.Error, *_DRIVERS_ERRORS) as odd:
            if not is_about_a_row(odd):
                raise
            _log.debug("the next rows are read one by one: %s", odd)
        else:
            return batch, len(fetched) == limit or len(batch) < len(fetched)
        return self._one_by_one(next_rows, held_back, min(limit, _ONE_BY_ONE_ROWS))

    def _one_by_one(self, next_rows: NextRows, held_back: HeldBack, limit: int) -> tuple[list[Row], bool]:
        """Reads the next rows up to the first that cannot be read: behind it there may be others of its subject."""
        ids = [row_id for (row_id,) in next_rows(limit, only_ids=True)]
        batch: list[Row] = []
        for row_id in ids:
            if _name_of(row_id) in held_back.subjects:
                continue
            try:
                asked = {"id": row_id, "inline_bytes": self.inline_bytes}
                batch += self._completed(self._execute(statements.ONE, asked))
            except (psycopg.Error, *_DRIVERS_ERRORS) as odd:
                if not is_about_a_row(odd):
                    raise
                return [*batch, unreadable(row_id, self._digest(row_id), odd)], True
        return batch, len(ids) == limit

    def _digest(self, row_id: int) -> str:
        """The name by which the subject of a row that cannot be read stands still."""
        try:
            return str(self._execute(statements.DIGEST, {"id": row_id})[0][0])
        except (psycopg.Error, *_DRIVERS_ERRORS) as odd:
            if not is_about_a_row(odd):
                raise
            return _name_of(row_id)

    def _completed(self, fetched: list[Fetched]) -> list[Row]:
        """Adds the bodies too large to come along, as many as fit, and the headers that the writer left null."""
        rows = cast("list[Row]", fetched)
        if None in map(itemgetter(BODY), rows):
            rows = self._with_bodies(rows)
        return with_headers(rows, self._service)

    def _with_bodies(self, rows: list[Row]) -> list[Row]:
        ids = Ids(cast("int", row[KEY]) for row in rows)
        most = self._message_max_bytes
        asked = {"ids": ids, "first": ids[0], "batch_bytes": self._batch_bytes, "message_max_bytes": most}
        found = {row_id: (body, size) for row_id, body, size in self._execute(statements.BODIES, asked)}
        self._most_rows = max(_SMALLEST_FETCH_ROWS, 2 * len(found))
        completed = []
        for row in (row for row in rows if row[KEY] in found):
            body, size = found[row[KEY]]
            if body is not None:
                completed.append(cast("Row", (*row[:BODY], body, *row[BODY + 1 :])))
            else:
                completed.append(unfit(row, Unfit("its body is null") if size is None else too_large(size, most)))
        return completed

    def _execute(self, statement: str, asked: Mapping[str, object]) -> list[Fetched]:
        return self._connection.execute(statement, asked, prepare=True, binary=True).fetchall()


def _name_of(row_id: int) -> str:
    return f"row {row_id}"


def is_about_a_row(odd: Exception) -> bool:
    """Whether a row may have been the reason: by what it holds, or as it cannot be read from the disk any more."""
    if not isinstance(odd, psycopg.Error):
        return True
    return isinstance(odd, psycopg.DataError) or (odd.sqlstate or "").startswith(_CORRUPTED)
