"""The service's answers to sagas, as one transaction sees them: read together, written together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from infirmary.postgres.transaction import Transaction
from infirmary.saga.archived import may_be_archived
from infirmary.saga.participant import StoredOutcome

_STORED: Final[LiteralString] = "SELECT saga_id, step, outcome, reason FROM saga_outcome WHERE saga_id = ANY(%s)"
_ARCHIVED: Final[LiteralString] = (
    "SELECT saga_id, step, outcome, reason FROM saga_outcome_archive WHERE saga_id = ANY(%s)"
)


@dataclass(frozen=True, slots=True)
class _Row:
    saga_id: UUID
    step: str
    outcome: str
    reason: str | None


class Outcomes:
    """The answers to the sagas that a transaction is about.

    A second attempt finds the answer to the first although that is not in the table before `save`. If another
    transaction answers the same step meanwhile, the table's key stops the later one, which is then done again.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._asked: list[psycopg.Cursor[_Row]] = []
        self._known: dict[UUID, dict[str, StoredOutcome]] = {}
        self._new: list[_Row] = []

    def ask(self, saga_ids: Collection[UUID]) -> None:
        """Asks the database what was answered to these sagas, and does not wait: in a pipeline the next read does."""
        if not saga_ids:
            return
        self._known.update((saga_id, {}) for saga_id in saga_ids)
        self._look_in(_STORED, list(saga_ids))
        # Behind the other: what is moved between the two is found here.
        self._look_in(_ARCHIVED, [saga_id for saga_id in saga_ids if may_be_archived(saga_id)])

    def of(self, saga_id: UUID) -> Mapping[str, StoredOutcome]:
        """Returns the answers to a saga, by step."""
        if saga_id not in self._known:
            self.ask([saga_id])
        while self._asked:
            for row in self._asked.pop().fetchall():
                self._known[row.saga_id][row.step] = StoredOutcome(row.step, row.outcome, row.reason)
        return self._known[saga_id]

    def remember(self, saga_id: UUID, outcome: StoredOutcome) -> None:
        """Notes an answer; `save` must follow."""
        self._known[saga_id][outcome.step] = outcome
        self._new.append(_Row(saga_id, outcome.step, outcome.outcome, outcome.reason))

    def save(self) -> None:
        """Writes the new answers."""
        if not self._new:
            return
        new, self._new = self._new, []
        self._tx.execute(
            """INSERT INTO saga_outcome (saga_id, step, outcome, reason)
               SELECT * FROM unnest(%(saga_ids)s::uuid[], %(steps)s::text[], %(outcomes)s::text[], %(reasons)s::text[])
            """,
            saga_ids=[row.saga_id for row in new],
            steps=[row.step for row in new],
            outcomes=[row.outcome for row in new],
            reasons=[row.reason for row in new],
        )

    def _look_in(self, statement: LiteralString, saga_ids: list[UUID]) -> None:
        if saga_ids:
            cursor = self._tx.connection.cursor(row_factory=class_row(_Row))
            self._asked.append(cursor.execute(statement, (saga_ids,)))
