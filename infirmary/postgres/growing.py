"""The tables of a consumer that grow."""

from typing import Final

from infirmary.observing.tables import expect_tables
from infirmary.postgres.tables import GrowingTable, PostgresTables
from infirmary.settings import Settings

_OF_CONSUMERS: Final = (
    GrowingTable("parked_message", oldest="SELECT parked_at FROM parked_message ORDER BY id LIMIT 1"),
    GrowingTable("saga_outcome", oldest="SELECT recorded_at FROM saga_outcome ORDER BY saga_id LIMIT 1"),
    GrowingTable(
        "saga_outcome_archive", oldest="SELECT recorded_at FROM saga_outcome_archive ORDER BY saga_id LIMIT 1"
    ),
    GrowingTable("log_sequence", oldest="SELECT NULL"),
    GrowingTable("outbox_sequence", oldest="SELECT NULL"),
    GrowingTable("answered", oldest="SELECT min(noted_at) FROM answered"),
)
"""A saga's id has the time in front. Of sequences nobody knows when they began."""

FORGOTTEN: Final = ("log_sequence", "outbox_sequence", "answered")
"""Of these a consumer forgets what is too old: the places of sagas that are long over, and what a restore has noted."""

_OF_ORCHESTRATORS: Final = (
    GrowingTable("saga", oldest="SELECT started_at FROM saga ORDER BY saga_id LIMIT 1"),
    GrowingTable("saga_history", oldest="SELECT at FROM saga_history ORDER BY id LIMIT 1"),
    GrowingTable("saga_archive", oldest="SELECT started_at FROM saga_archive ORDER BY saga_id LIMIT 1"),
)


def postgres_growing(service: str, settings: Settings, orchestrates: bool) -> PostgresTables:
    """Returns what measures a service's tables."""
    expect_tables((), forgetting=FORGOTTEN)
    tables = _OF_CONSUMERS + (_OF_ORCHESTRATORS if orchestrates else ())
    return PostgresTables(settings, f"{service}/consumer", tables)
