"""The names of the library's own tables, which an app's own migrations leave alone."""

from collections.abc import Mapping
from typing import Final

LIBRARY_TABLES: Final = frozenset(
    {
        "idempotency_key",
        "infirmary_version",
        "log_reader",
        "log_sequence",
        "outbox",
        "outbox_log",
        "outbox_relay",
        "outbox_sequence",
        "parked_message",
        "saga",
        "saga_history",
        "saga_outcome",
    }
)
"""All that `create_tables` makes in a database."""


def include_name(name: str | None, type_: str, _parent_names: Mapping[str, str | None]) -> bool:
    """Says whether alembic's autogenerate is to look at what the database has; otherwise it would drop these tables.

    Args:
        name: What it is called.
        type_: What it is, for example `table`.
    """
    return type_ != "table" or name not in LIBRARY_TABLES
