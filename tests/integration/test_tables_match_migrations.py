"""What tables are declared as is what the migrations make, in a new database and in one that was there from the first.

Two looks at the same: alembic's, by which the next migration is drafted, and the catalogs, which have what that lacks.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from infirmary import registry
from infirmary.postgres import library_tables
from infirmary.postgres.library_tables import LIBRARY_VERSION_TABLE
from infirmary.postgres.migrate import engine, migrate, migrate_library, migrations_of
from infirmary.postgres.schema import configuration, library_migrations
from infirmary.settings import Settings
from tests.integration.catalog import catalog
from tests.integration.conftest import EmptyDatabase

ON_POSTGRESQL = [name for name in registry.names() if migrations_of(name).exists()]
VERSIONS = (LIBRARY_VERSION_TABLE, "alembic_version")

A_VALUE: dict[type[Any], object] = {
    bool: False,
    bytes: b"x",
    date: date(2026, 1, 31),
    datetime: datetime(2026, 1, 31, tzinfo=UTC),
    Decimal: Decimal(1),
    int: 1,
    object: "{}",  # JSON
    str: "x",
    UUID: UUID(int=1),
}
"""One value of each type, the same everywhere: so each foreign key finds its row."""


def connected(settings: Settings, work: Callable[[sa.Connection], Any]) -> Any:
    with engine("test", settings).begin() as connection:
        return work(connection)


def made_of(empty_database: EmptyDatabase, *declared: sa.MetaData) -> dict[str, set[tuple[Any, ...]]]:
    """Returns the catalog of a database that was made by what is declared, without a migration."""
    settings = empty_database()
    for each in declared:
        connected(settings, each.create_all)
    return catalog(settings)


def differences(settings: Settings, declared: sa.MetaData) -> list[Any]:
    """Returns what alembic finds otherwise in the database, of the tables that are declared."""

    def compare(connection: sa.Connection) -> list[Any]:
        options = {
            "compare_server_default": True,
            "include_name": lambda name, kind, _: kind != "table" or name in declared.tables,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), declared))

    return list(connected(settings, compare))


def fill(settings: Settings, declared: sa.MetaData) -> None:
    """Writes a row into each table that is declared and there, by the types of its columns and the CHECKs.

    What is divided into partitions has none yet, and so no room; what a migration has filled has rows already.
    """

    def insert(connection: sa.Connection) -> None:
        there = sa.MetaData()
        there.reflect(connection)
        filled = [
            table
            for table in there.sorted_tables
            if table.name in declared.tables
            and not declared.tables[table.name].dialect_options["postgresql"]["partition_by"]
            and connection.execute(sa.select(table)).first() is None
        ]
        for table in filled:
            columns = [column for column in table.c if column.identity is None]
            row = {column.name: allowed(column, declared.tables[table.name]) for column in columns}
            names, places = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
            connection.execute(sa.text(f"INSERT INTO {table.name} ({names}) VALUES ({places})"), row)
        assert filled

    connected(settings, insert)


def allowed(column: sa.Column[Any], table: sa.Table) -> object:
    """Returns a value that the column may have: the first one where a CHECK lists them."""
    for check in table.constraints:
        listed = f"{column.name} IN ('"
        if isinstance(check, sa.CheckConstraint) and str(check.sqltext).startswith(listed):
            return str(check.sqltext).removeprefix(listed).partition("'")[0]
    return A_VALUE[column.type.python_type]


def first_revision(service: str) -> str:
    return str(ScriptDirectory.from_config(configuration(migrations_of(service))).get_base())


@pytest.mark.parametrize("service", ON_POSTGRESQL)
def test_migrations_make_the_tables_of_a_service(service: str, empty_database: EmptyDatabase) -> None:
    declared, settings = registry.room(service, "tables").metadata, empty_database()
    migrate(service, settings)
    assert differences(settings, declared) == []
    assert catalog(settings, without=VERSIONS) == made_of(empty_database, declared, library_tables.metadata)


@pytest.mark.parametrize("service", ON_POSTGRESQL)
def test_a_database_of_the_first_revision_with_its_rows_becomes_the_same(
    service: str, empty_database: EmptyDatabase
) -> None:
    declared, settings = registry.room(service, "tables").metadata, empty_database()
    migrate(service, settings, first_revision(service))
    fill(settings, declared)
    migrate(service, settings)
    assert differences(settings, declared) == []
    assert catalog(settings, without=VERSIONS) == made_of(empty_database, declared, library_tables.metadata)


def test_migrations_make_the_tables_of_the_library(empty_database: EmptyDatabase) -> None:
    settings = empty_database()
    migrate_library("orders", settings)
    assert differences(settings, library_tables.metadata) == []
    assert catalog(settings, without=VERSIONS) == made_of(empty_database, library_tables.metadata)


def test_tables_of_the_librarys_first_revision_with_their_rows_become_the_same(empty_database: EmptyDatabase) -> None:
    settings, config = empty_database(), library_migrations()

    def upgrade(connection: sa.Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, str(ScriptDirectory.from_config(config).get_base()))

    connected(settings, upgrade)
    fill(settings, library_tables.metadata)
    migrate_library("orders", settings)
    assert differences(settings, library_tables.metadata) == []
    assert catalog(settings, without=VERSIONS) == made_of(empty_database, library_tables.metadata)
