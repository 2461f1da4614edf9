"""Which tables an app's own migrations leave alone: the library's."""

from collections.abc import Mapping

from infirmary.postgres.library_tables import is_of_library


def include_name(name: str | None, type_: str, _parent_names: Mapping[str, str | None]) -> bool:
    """Says whether alembic's autogenerate is to look at what the database has; otherwise it would drop these tables.

    Args:
        name: What it is called.
        type_: What it is, for example `table`.
    """
    return type_ != "table" or not is_of_library(name)
