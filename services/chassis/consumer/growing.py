"""The tables of a consumer that grow, whatever the database."""

from collections.abc import Callable, Iterator
from typing import Final

from services.chassis.settings import Settings
from services.chassis.tables import GrowingTable, PostgresTables, Size, expect_tables

_OF_CONSUMERS: Final = (
    GrowingTable("inbox", oldest="SELECT min(received_at) FROM inbox"),
    GrowingTable("parked_message", oldest="SELECT parked_at FROM parked_message ORDER BY id LIMIT 1"),
    GrowingTable("saga_outcome", oldest="SELECT recorded_at FROM saga_outcome ORDER BY saga_id LIMIT 1"),
    GrowingTable("log_sequence", oldest="SELECT NULL"),
    GrowingTable("outbox_sequence", oldest="SELECT NULL"),
)
"""A saga's id has the time in front. Of sequences nobody knows when they began."""

_OF_ORCHESTRATORS: Final = (
    GrowingTable("saga", oldest="SELECT started_at FROM saga ORDER BY saga_id LIMIT 1"),
    GrowingTable("saga_history", oldest="SELECT at FROM saga_history ORDER BY id LIMIT 1"),
)


def growing_tables(service: str, settings: Settings, orchestrates: bool) -> Callable[[], Iterator[Size]]:
    """Returns what measures a service's tables."""
    if settings.database_url.startswith("mongodb"):
        from services.chassis.mongo.growing import MongoGrowing

        return MongoGrowing(service, settings)
    from services.chassis.consumer.postgres_ledger import FORGET

    expect_tables((), forgetting=FORGET)
    tables = _OF_CONSUMERS + (_OF_ORCHESTRATORS if orchestrates else ())
    return PostgresTables(settings, f"{service}/consumer", tables)
