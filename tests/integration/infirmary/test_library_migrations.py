"""The library's own tables follow an upgrade of the library, whoever made them, and are the same in every database."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool

from infirmary.postgres.migrate import migrate, migrate_library, migrations_of
from infirmary.postgres.schema import configuration, library_migrations, statements
from infirmary.settings import Settings
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer

BEFORE = (Path(__file__).parent / "release_before.sql").read_text()

CATALOG = {
    "columns": """
        SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "options": """
        SELECT relname, relkind, relpersistence, (SELECT array_agg(each ORDER BY each) FROM unnest(reloptions) each)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace""",
}


class EmptyDatabases:
    """Gives empty databases; each is gone when its test has ended."""

    def __init__(self, postgres: PostgresServer | ExternalPostgres, stack: ExitStack) -> None:
        self._databases, self._stack = postgres.databases, stack
        self._databases.make_template("template_empty", lambda _: None)

    def new(self) -> Settings:
        return Settings(database_url=self._stack.enter_context(self._databases.clone("template_empty")))


@pytest.fixture
def databases(postgres: PostgresServer | ExternalPostgres) -> Iterator[EmptyDatabases]:
    with ExitStack() as stack:
        yield EmptyDatabases(postgres, stack)


@pytest.fixture
def before(databases: EmptyDatabases) -> Settings:
    """A database as the release before has left it: patient's, with the library's tables and no version of theirs."""
    settings = databases.new()
    execute(settings, BEFORE)
    url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        config = configuration(migrations_of("patient"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return settings


def execute(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def catalog(settings: Settings) -> dict[str, set[tuple[Any, ...]]]:
    """Returns what the database holds, but for the table `inbox`, which the release before has made."""
    return {
        kind: {tuple(map(str, row)) for row in execute(settings, query) if not str(row[0]).startswith("inbox")}
        for kind, query in CATALOG.items()
    }


def revision(settings: Settings) -> str:
    [(found,)] = execute(settings, "SELECT version_num FROM infirmary_version")
    return str(found)


def test_a_fresh_database_and_one_of_the_release_before_end_with_the_same_tables(
    databases: EmptyDatabases, before: Settings
) -> None:
    fresh = databases.new()
    migrate("patient", fresh)
    migrate("patient", before)
    assert catalog(before) == catalog(fresh)
    assert revision(before) == revision(fresh) == "0004"


def test_the_old_release_still_finds_its_inbox(before: Settings) -> None:
    migrate("patient", before)
    execute(before, "INSERT INTO inbox VALUES (gen_random_uuid())")


def test_a_database_that_lacks_an_index_of_an_earlier_release_gets_it(before: Settings) -> None:
    execute(before, "DROP INDEX parked_message_failed_least")
    migrate("patient", before)
    assert execute(before, "SELECT to_regclass('parked_message_failed_least') IS NOT NULL") == [(True,)]


def test_tables_in_use_are_taken_over_without_waiting_for_anybody(before: Settings) -> None:
    with psycopg.connect(before.database_url) as busy:
        busy.execute("LOCK TABLE outbox, parked_message, saga IN ROW EXCLUSIVE MODE")
        migrate("patient", before.model_copy(update={"migration_wait_s": 0.1}))
    assert revision(before) == "0004"


def test_what_a_later_release_has_made_of_the_tables_is_left_as_it_is(
    before: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    migrate("patient", before)
    execute(before, "UPDATE infirmary_version SET version_num = '10000'")
    migrate("patient", before)
    assert revision(before) == "10000"
    said = "the library's part of the database is at revision 10000, newer than this image's 0004: it is left as it is"
    assert said in caplog.text


def test_a_revision_that_is_asked_for_is_the_services_own(databases: EmptyDatabases) -> None:
    settings = databases.new()
    migrate("patient", settings, "0001")
    assert execute(settings, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert revision(settings) == "0004"


def test_a_service_without_migrations_gets_the_librarys_tables_only(
    databases: EmptyDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infirmary.postgres.migrate.folder", lambda: tmp_path)
    settings = databases.new()
    migrate("patient", settings)
    assert revision(settings) == "0004"
    assert execute(settings, "SELECT to_regclass('alembic_version')") == [(None,)]
    assert execute(settings, "SELECT log FROM outbox_log WHERE log = 'patient.events'") == [("patient.events",)]


def test_the_printed_statements_make_what_a_migration_makes_and_can_be_taken_on(databases: EmptyDatabases) -> None:
    by_hand, by_migration = databases.new(), databases.new()
    execute(by_hand, statements())
    migrate_library("orders", by_migration)
    assert catalog(by_hand) == catalog(by_migration)
    migrate_library("orders", by_hand)
    assert catalog(by_hand) == catalog(by_migration)


def test_a_database_that_has_the_relays_tables_already_gets_the_others(databases: EmptyDatabases) -> None:
    relay_first, fresh = databases.new(), databases.new()
    execute(relay_first, (Path(__file__).resolve().parents[3] / "relay/infirmary_relay/schema.sql").read_text())
    for settings in (relay_first, fresh):
        migrate_library("orders", settings)
    there, expected = catalog(relay_first), catalog(fresh)
    for kind in there.keys() - {"options"}:  # how a table is stored is no part of the contract with the relay
        assert there[kind] == expected[kind]


def test_revisions_are_numbered_without_a_gap() -> None:
    known = [each.revision for each in ScriptDirectory.from_config(library_migrations()).walk_revisions()]
    assert sorted(known) == [f"{number:04}" for number in range(1, len(known) + 1)]
