"""The library's tables in a database that an app's own alembic looks after."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, NullPool, create_engine

from infirmary.postgres.library_tables import LIBRARY_TABLES
from infirmary.postgres.migrate import migrate_library
from infirmary.settings import Settings
from infirmary.sqlalchemy import Outbox
from infirmary.sqlalchemy.migration import NameTaken
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer

ENV = """
from alembic import context
given = context.config.attributes
if context.is_offline_mode():
    context.configure(dialect_name="postgresql")
    with context.begin_transaction():
        context.run_migrations()
else:
    with given["engine"].connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
MIGRATION = """
from alembic import op
from infirmary.sqlalchemy.migration import create_tables
revision, down_revision = {revision!r}, {before!r}
def upgrade():
    create_tables(op)
    op.execute("CREATE TABLE item_{revision} (name text)")
"""


class App:
    """An app with migrations of its own, all of which look after the library's tables, too."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.engine: Engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1), poolclass=NullPool)
        self.config = Config()
        self.config.set_main_option("script_location", str(folder))
        self.config.set_main_option("path_separator", "os")
        self.config.attributes["engine"] = self.engine
        (folder / "versions").mkdir()
        (folder / "env.py").write_text(ENV)
        for revision, before in (("one", None), ("two", "one")):
            (folder / "versions" / f"{revision}.py").write_text(MIGRATION.format(revision=revision, before=before))

    def tables(self) -> set[str]:
        """Returns the names of the tables of the database."""
        with psycopg.connect(self.url) as database:
            return {name for (name,) in database.execute("SELECT relname FROM pg_stat_user_tables").fetchall()}

    def columns(self) -> list[tuple[str, ...]]:
        """Returns what the library's tables consist of."""
        with psycopg.connect(self.url) as database:
            return database.execute(
                "SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns"
                " WHERE table_name = ANY(%s) ORDER BY table_name, column_name",
                [list(LIBRARY_TABLES)],
            ).fetchall()


@pytest.fixture
def new_app(postgres: PostgresServer | ExternalPostgres, tmp_path: Path) -> Iterator[Callable[[], App]]:
    """Makes the app on an empty database."""
    postgres.databases.make_template("template_nothing", lambda _: None)
    with postgres.databases.clone("template_nothing") as url:
        yield lambda: App(url, tmp_path)


@pytest.fixture
def app(new_app: Callable[[], App]) -> App:
    return new_app()


def test_a_migration_of_the_app_makes_the_librarys_tables(app: App) -> None:
    command.upgrade(app.config, "one")
    assert app.tables() == LIBRARY_TABLES | {"alembic_version", "item_one"}


def test_they_are_what_the_librarys_own_migrations_make(app: App, postgres: PostgresServer | ExternalPostgres) -> None:
    command.upgrade(app.config, "head")
    with postgres.databases.clone("template_nothing") as url:
        migrate_library("shop", Settings(database_url=url))
        other = App.__new__(App)
        other.url = url
        assert app.columns() == other.columns() != []


def test_what_has_them_already_is_left_as_it_is(app: App) -> None:
    migrate_library("shop", Settings(database_url=app.url))
    before = app.columns()
    command.upgrade(app.config, "head")
    migrate_library("shop", Settings(database_url=app.url))
    assert app.columns() == before
    assert app.tables() >= {"item_one", "item_two"}


def test_what_a_later_release_has_made_is_left_as_it_is(app: App) -> None:
    command.upgrade(app.config, "one")
    with psycopg.connect(app.url) as database:
        database.execute("UPDATE infirmary_version SET version_num = '9999'")
    command.upgrade(app.config, "two")
    with psycopg.connect(app.url) as database:
        assert database.execute("SELECT version_num FROM infirmary_version").fetchall() == [("9999",)]


def test_a_table_of_the_apps_own_by_such_a_name_is_told_from_the_librarys(app: App) -> None:
    with psycopg.connect(app.url) as database:
        database.execute("CREATE TABLE outbox (id int, mail text)")
    with pytest.raises(NameTaken, match=r"a table outbox with mail, which is not the library's: rename it first"):
        command.upgrade(app.config, "one")
    assert app.tables() == {"outbox"}


def test_it_is_undone_with_the_migration_that_fails(app: App, tmp_path: Path) -> None:
    path = tmp_path / "versions" / "one.py"
    path.write_text(path.read_text() + "    raise RuntimeError\n")
    with pytest.raises(RuntimeError):
        command.upgrade(app.config, "one")
    assert app.tables() == set()


def test_the_statements_can_be_printed(app: App) -> None:
    printed = StringIO()
    app.config.output_buffer = printed
    command.upgrade(app.config, "one", sql=True)
    with psycopg.connect(app.url) as database:
        database.execute(printed.getvalue())
    before = app.columns()
    command.upgrade(app.config, "two")
    assert app.tables() == LIBRARY_TABLES | {"alembic_version", "item_one", "item_two"}
    assert app.columns() == before


def test_autogenerate_drops_none_of_them(app: App) -> None:
    command.upgrade(app.config, "head")
    with app.engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"include_name": Outbox.include_name}), MetaData()
        )
    assert {change[1].name for change in found} == {"item_one", "item_two"}
