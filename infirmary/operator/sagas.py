"""A service's sagas as an operator sees them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from infirmary.postgres.transaction import Query
from infirmary.saga.state import SagaState

MOST_LISTED = 200

_STORED: Final[LiteralString] = """
SELECT saga_id, name, version, state, data, correlation_id, started_at, due_at FROM saga WHERE saga_id = %(saga_id)s
"""
_ARCHIVED: Final[LiteralString] = """
SELECT saga_id, name, version, state, data, correlation_id, started_at, NULL AS due_at FROM saga_archive
WHERE saga_id = %(saga_id)s
"""
_HISTORY: Final[LiteralString] = """
SELECT at, happened, status, sent FROM saga_history WHERE saga_id = %(saga_id)s ORDER BY id
"""
_ARCHIVED_HISTORY: Final[LiteralString] = """
SELECT told.at, told.happened, told.status, told.sent FROM saga_archive,
       ROWS FROM (jsonb_to_recordset(history) AS (at timestamptz, happened text, status text, sent text))
       WITH ORDINALITY AS told (at, happened, status, sent, place)
WHERE saga_id = %(saga_id)s ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class StoredSaga:
    """A saga.

    Attributes:
        due_at: When it is taken up again if nobody answers; None when it has ended or waits for an operator.
    """

    saga_id: UUID
    name: str
    version: int
    state: dict[str, Any]
    data: dict[str, Any]
    correlation_id: str
    started_at: datetime
    due_at: datetime | None

    def progress(self) -> SagaState:
        """Returns how far it is."""
        return SagaState.model_validate(self.state)


@dataclass(frozen=True, slots=True)
class Transition:
    """Something that happened to a saga, and what was sent because of it."""

    at: datetime
    happened: str
    status: str
    sent: str


def newest(query: Query, status: str | None) -> list[StoredSaga]:
    """Returns the sagas that were started last and are not archived, those of one status if it is given."""
    return query.many(
        StoredSaga,
        """SELECT saga_id, name, version, state, data, correlation_id, started_at, due_at FROM saga
           WHERE status = coalesce(%(status)s, status) ORDER BY started_at DESC LIMIT %(at_most)s""",
        status=status,
        at_most=MOST_LISTED,
    )


def find(query: Query, saga_id: UUID) -> StoredSaga | None:
    """Returns a saga, be it archived or not."""
    return query.one(StoredSaga, _STORED, saga_id=saga_id) or query.one(StoredSaga, _ARCHIVED, saga_id=saga_id)


def history(query: Query, saga_id: UUID) -> list[Transition]:
    """Returns all that happened to a saga, in order."""
    return query.many(Transition, _HISTORY, saga_id=saga_id) or query.many(
        Transition, _ARCHIVED_HISTORY, saga_id=saga_id
    )
