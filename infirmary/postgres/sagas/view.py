"""A saga as an outsider may see it."""

from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from infirmary.postgres.transaction import Query
from infirmary.saga.state import SagaState

_STORED: Final[LiteralString] = "SELECT saga_id, data, state, started_at FROM saga WHERE saga_id = %(saga_id)s"
_ARCHIVED: Final[LiteralString] = (
    "SELECT saga_id, data, state, started_at FROM saga_archive WHERE saga_id = %(saga_id)s"
)


class SagaView(BaseModel):
    """What an outsider may see of a saga; made from a row of the table `saga` or of its archive."""

    model_config = ConfigDict(frozen=True)
    saga_id: UUID
    data: dict[str, Any]
    state: SagaState
    started_at: datetime


def view(query: Query, saga_id: UUID) -> SagaView | None:
    """Returns what an outsider may see of a saga, or None when there is none with this id."""
    # In this order: what is archived between the two looks is found by the second.
    return query.one(SagaView, _STORED, saga_id=saga_id) or query.one(SagaView, _ARCHIVED, saga_id=saga_id)
