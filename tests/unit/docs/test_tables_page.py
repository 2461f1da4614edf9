"""docs/tables.md has every table and collection, of the library and of each service that it speaks of."""

import re
from collections.abc import Iterator

from infirmary import registry
from infirmary.mongo.collections import OF_CONSUMER
from infirmary.mongo.documents import documents_of
from infirmary.postgres.library_tables import LIBRARY_TABLES
from infirmary.postgres.migrate import migrations_of
from local.rundir import REPOSITORY

_HEADING = re.compile(r"^## .*$", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)`((?:, `\w+`)*) \|", re.MULTILINE)
_OWNERS = re.compile(r"^\|[^|]*\| ([^|]+) \|", re.MULTILINE)

OF_MONGODB = {
    *("log_reader", "log_sharing", "database_identity", "outbox_log", "outbox_lease", "republish", "restore_progress"),
    *OF_CONSUMER,
}
"""Only those with an index of their own are declared."""


def of_services() -> Iterator[tuple[str, str]]:
    """Yields the tables and collections that services have besides the library's, each with its service.

    A service that somebody has just added is not spoken of yet: docs/add-a-service.md asks for no line on this page.
    """
    for service in spoken_of():
        if migrations_of(service).exists():
            yield from (
                (service, name) for name in registry.room(service, "tables").metadata.tables.keys() - LIBRARY_TABLES
            )
        else:
            yield service, documents_of(service).collection


def section(which: str) -> str:
    page = (REPOSITORY / "docs/tables.md").read_text()
    begin = page.index(f"\n## {which}")
    end = _HEADING.search(page, begin + 4)
    return page[begin : end.start() if end else None]


def spoken_of() -> set[str]:
    """Returns the services that own something on the page."""
    rows = _OWNERS.findall(section("The services' own tables"))
    return {name for row in rows for name in re.findall(r"\w+", row)} & set(registry.names())


def on_the_page(which: str) -> list[str]:
    """Returns what the tables of one section name in their first column."""
    return [name for row in _ROW.finditer(section(which)) for name in re.findall(r"\w+", row[1] + row[2])]


def test_every_table_of_the_library_is_on_the_page_once() -> None:
    assert sorted(on_the_page("The library's tables in PostgreSQL")) == sorted({*LIBRARY_TABLES, "alembic_version"})


def test_every_collection_of_the_library_is_on_the_page_once() -> None:
    assert sorted(on_the_page("The library's collections in MongoDB")) == sorted(OF_MONGODB)


def test_every_table_of_a_service_is_on_the_page_once() -> None:
    assert sorted(on_the_page("The services' own tables")) == sorted({name for _, name in of_services()})
