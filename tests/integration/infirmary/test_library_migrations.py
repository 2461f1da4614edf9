"""The library's own tables follow an upgrade of the library, whoever made them, and are the same in every database."""

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
from tests.integration.catalog import catalog as whole_catalog
from tests.integration.catalog import execute
from tests.integration.conftest import EmptyDatabase

NEWEST = ScriptDirectory.from_config(library_migrations()).get_current_head()

BEFORE = (Path(__file__).parent / "release_before.sql").read_text()


@pytest.fixture
def before(empty_database: EmptyDatabase) -> Settings:
    """A database as the release before has left it: patient's, with the library's tables and no version of theirs."""
    settings = empty_database()
    execute(settings, BEFORE)
    url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        config = configuration(migrations_of("patient"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return settings


def catalog(settings: Settings) -> dict[str, set[tuple[Any, ...]]]:
    """Returns what the database holds, but for the table `inbox`, which the release before has made."""
    return whole_catalog(settings, without=("inbox",))


def revision(settings: Settings) -> str:
    [(found,)] = execute(settings, "SELECT version_num FROM infirmary_version")
    return str(found)


def test_a_fresh_database_and_one_of_the_release_before_end_with_the_same_tables(
    empty_database: EmptyDatabase, before: Settings
) -> None:
    fresh = empty_database()
    migrate("patient", fresh)
    migrate("patient", before)
    assert catalog(before) == catalog(fresh)
    assert revision(before) == revision(fresh) == NEWEST


def test_the_old_release_still_finds_its_inbox(before: Settings) -> None:
    migrate("patient", before)
    execute(before, "INSERT INTO inbox VALUES (gen_random_uuid())")


def test_a_database_that_lacks_an_index_of_an_earlier_release_gets_it(before: Settings) -> None:
    execute(before, "DROP INDEX parked_message_failed_least")
    migrate("patient", before)
    assert execute(before, "SELECT to_regclass('parked_message_failed_least') IS NOT NULL") == [(True,)]


def test_tables_in_use_are_taken_over_without_waiting_for_anybody(before: Settings) -> None:
    with psycopg.connect(before.as_owner().database_url) as busy:
        busy.execute("LOCK TABLE outbox, parked_message IN ROW EXCLUSIVE MODE")
        migrate("patient", before.model_copy(update={"migration_wait_s": 0.1}))
    assert revision(before) == NEWEST


def test_what_a_later_release_has_made_of_the_tables_is_left_as_it_is(
    before: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    migrate("patient", before)
    execute(before, "UPDATE infirmary_version SET version_num = '10000'")
    migrate("patient", before)
    assert revision(before) == "10000"
    said = "the library's part of the database is at revision 10000, newer than this image's"
    assert f"{said} {NEWEST}: it is left as it is" in caplog.text


def test_a_revision_that_is_asked_for_is_the_services_own(empty_database: EmptyDatabase) -> None:
    settings = empty_database()
    migrate("patient", settings, "0001")
    assert execute(settings, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert revision(settings) == NEWEST


def test_a_service_without_migrations_gets_the_librarys_tables_only(
    empty_database: EmptyDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infirmary.postgres.migrate.folder", lambda: tmp_path)
    settings = empty_database()
    migrate("patient", settings)
    assert revision(settings) == NEWEST
    assert execute(settings, "SELECT to_regclass('alembic_version')") == [(None,)]
    assert execute(settings, "SELECT log FROM outbox_log WHERE log = 'patient.events'") == [("patient.events",)]


def test_the_printed_statements_make_what_a_migration_makes_and_can_be_taken_on(empty_database: EmptyDatabase) -> None:
    by_hand, by_migration = empty_database(), empty_database()
    execute(by_hand, statements())
    migrate_library("orders", by_migration)
    assert catalog(by_hand) == catalog(by_migration)
    migrate_library("orders", by_hand)
    assert catalog(by_hand) == catalog(by_migration)


def test_a_database_that_has_the_relays_tables_already_gets_the_others(empty_database: EmptyDatabase) -> None:
    relay_first, fresh = empty_database(), empty_database()
    execute(relay_first, (Path(__file__).resolve().parents[3] / "relay/infirmary_relay/schema.sql").read_text())
    for settings in (relay_first, fresh):
        migrate_library("orders", settings)
    there, expected = catalog(relay_first), catalog(fresh)
    for kind in there.keys() - {"options"}:  # how a table is stored is no part of the contract with the relay
        assert there[kind] == expected[kind]


def test_a_migration_leaves_the_databases_incarnation_as_it_is(empty_database: EmptyDatabase) -> None:
    settings, of_all = empty_database(), "SELECT id, set_back_because FROM incarnation"
    migrate_library("orders", settings)
    execute(settings, "UPDATE incarnation SET set_back_since = now(), set_back_because = 'a backup'")
    execute(settings, "UPDATE infirmary_version SET version_num = '0004'")
    before = execute(settings, of_all)
    migrate_library("orders", settings)
    assert execute(settings, of_all) == before
    assert before[0][1] == "a backup"


def test_revisions_are_numbered_without_a_gap() -> None:
    known = [each.revision for each in ScriptDirectory.from_config(library_migrations()).walk_revisions()]
    assert sorted(known) == [f"{number:04}" for number in range(1, len(known) + 1)]
