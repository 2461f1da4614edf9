"""A saga as an outsider may see it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from infirmary.postgres.transaction import Query
from infirmary.saga.advance import SagaState


class SagaView(BaseModel):
    """What an outsider may see of a saga; made from a row of the table `saga`."""

    model_config = ConfigDict(frozen=True)
    saga_id: UUID
    data: dict[str, Any]
    state: SagaState
    started_at: datetime


def view(query: Query, saga_id: UUID) -> SagaView | None:
    """Returns what an outsider may see of a saga, or None when there is none with this id."""
    return query.one(
        SagaView, "SELECT saga_id, data, state, started_at FROM saga WHERE saga_id = %(saga_id)s", saga_id=saga_id
    )
