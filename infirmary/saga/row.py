"""A saga as a database stores it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SagaRow:
    """A saga as it is stored. `now` is the database's clock, read with the row."""

    saga_id: UUID
    name: str
    version: int
    state: dict[str, Any]
    data: dict[str, Any]
    correlation_id: str
    traceparent: str
    started_at: datetime
    now: datetime
