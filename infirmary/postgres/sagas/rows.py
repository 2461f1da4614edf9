"""The sagas that one transaction carries on: locked and read together, and remembered as it has left them."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from infirmary.postgres.transaction import Transaction
from infirmary.saga.row import SagaRow

COLUMNS: Final = (
    "saga_id, name, version, state, data, correlation_id, traceparent, started_at, clock_timestamp() AS now"
)


class SagaRows:
    """The sagas that a transaction is about."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._asked: list[psycopg.Cursor[SagaRow]] = []
        self._known: dict[UUID, SagaRow | None] = {}

    def ask(self, saga_ids: Collection[UUID]) -> None:
        """Asks the database to lock and read these sagas, and does not wait: in a pipeline the next read does.

        In the order of their ids, so that two who ask for the same ones do not wait for each other for ever.
        """
        if not saga_ids:
            return
        cursor = self._tx.connection.cursor(row_factory=class_row(SagaRow))
        cursor.execute(
            f"SELECT {COLUMNS} FROM saga WHERE saga_id = ANY(%s) ORDER BY saga_id FOR UPDATE", (list(saga_ids),)
        )
        self._asked.append(cursor)
        self._known.update(dict.fromkeys(saga_ids))

    def of(self, saga_id: UUID) -> SagaRow | None:
        """Returns a saga, locked, as the transaction has left it; None when it is not known here."""
        if saga_id not in self._known:
            self.ask([saga_id])
        while self._asked:
            self._known.update((row.saga_id, row) for row in self._asked.pop().fetchall())
        return self._known[saga_id]

    def put(self, row: SagaRow) -> None:
        """Remembers how the transaction has left a saga."""
        self._known[row.saga_id] = row
