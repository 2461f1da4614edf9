"""Each process's role may do with each table of its service's database what it should, and nothing else whatever."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infirmary import registry
from infirmary.identifiers import least_id_of
from infirmary.postgres.archive.weeks import Week
from infirmary.postgres.library_tables import is_of_library
from infirmary.postgres.migrate import migrate, migrations_of, own_rights
from infirmary.postgres.rights import NONE, Right, Rights, rights_of
from infirmary.process_roles import Process
from infirmary.settings import Settings
from local.databases import as_process
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.integration.conftest import NewDatabase

ON_POSTGRESQL = [name for name in registry.names() if migrations_of(name).exists()]

WEEK = date(2026, 11, 23)
TABLES = """
SELECT relname, array_agg(attname ORDER BY attnum), relispartition
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
GROUP BY relname, relispartition
"""

OF_ROWS: dict[str, LiteralString] = {
    "SELECT": "SELECT {column} FROM {table} WHERE false",
    "INSERT": "INSERT INTO {table} ({column}) VALUES (DEFAULT)",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
}
DELETE: LiteralString = "DELETE FROM {table} WHERE false"
OF_TABLES: tuple[LiteralString, ...] = (
    "TRUNCATE {table}",
    "ALTER TABLE {table} ADD COLUMN more int",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "CREATE INDEX ON {table} ({column})",
    "CREATE TRIGGER made BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DROP TABLE {table}",
)
OF_NO_TABLE: tuple[LiteralString, ...] = (
    "CREATE TABLE made ()",
    "CREATE TEMPORARY TABLE made ()",
    "CREATE VIEW made AS SELECT 1",
    "CREATE SEQUENCE made",
    "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA made",
    "CREATE ROLE made",
    "DROP FUNCTION make_archive_week(text, date)",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)


def may(connection: psycopg.Connection, statement: LiteralString, table: str = "", column: str = "") -> bool:
    """Says whether a role may do it; what is allowed is taken back, and may fail for another reason."""
    composed = sql.SQL(statement).format(table=sql.Identifier(table or "none"), column=sql.Identifier(column or "none"))
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(composed)
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.IntegrityError, psycopg.errors.RaiseException):  # a limit, or a trigger
        return True
    return True


@contextmanager
def opened(settings: Settings, process: Process | None = None) -> Iterator[psycopg.Connection]:
    """Opens a session as a process, or as the owner."""
    owner = settings.as_owner().database_url
    with psycopg.connect(as_process(owner, process) if process else owner, autocommit=True) as connection:
        yield connection


def wrong(session: psycopg.Connection, rights: Rights, table: str, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns what a session may do with a table and should not, or should and may not."""
    named = {right.column for right in rights if right.column}
    tried = [*named, next(column for column in columns if column not in named)]
    of_rows = [(table, column, privilege, statement) for column in tried for privilege, statement in OF_ROWS.items()]
    of_rows.append((table, columns[0], "DELETE", DELETE))
    return [
        (table, column, privilege)
        for table, column, privilege, statement in of_rows
        if may(session, statement, table, column) is rights.isdisjoint({Right(privilege), Right(privilege, column)})
    ] + [(table, each) for each in OF_TABLES if may(session, each, table, columns[0])]


@pytest.mark.parametrize("service", ON_POSTGRESQL)
def test_every_statement_is_allowed_or_refused_to_every_role_as_its_rights_say(
    service: str, new_database: NewDatabase
) -> None:
    settings, own = new_database(service), own_rights(service)
    with opened(settings) as owner:
        owner.execute("SELECT make_archive_week('saga_archive', %s)", (WEEK,))
        tables = owner.execute(TABLES).fetchall()
    assert {"outbox", "saga_archive", "saga_archive_2026_11_23", "alembic_version"} < {name for name, _, _ in tables}
    for process in Process:
        with opened(settings, process) as session:
            assert [each for each in OF_NO_TABLE if may(session, each)] == []
            for table, columns, is_a_week in tables:
                if service == "admission" or not is_of_library(table):  # the library's are the same everywhere
                    rights = NONE if is_a_week else rights_of(process, table, own)
                    assert wrong(session, rights, table, columns) == []


def test_a_table_of_a_later_migration_is_given_and_what_somebody_has_given_besides_is_taken(
    new_database: NewDatabase,
) -> None:
    settings = new_database("lab")
    with opened(settings) as owner, opened(settings, Process.API) as api:
        owner.execute("CREATE TABLE of_tomorrow (id int)")
        role = api.info.user
        owner.execute(sql.SQL("GRANT DELETE, UPDATE (body) ON outbox TO {}").format(sql.Identifier(role)))
        assert may(api, "DELETE FROM outbox WHERE false")
        assert not may(api, "SELECT id FROM of_tomorrow")
        migrate("lab", settings)
        assert not may(api, "DELETE FROM outbox WHERE false")
        assert not may(api, "UPDATE outbox SET body = DEFAULT WHERE false")
        assert may(api, "INSERT INTO of_tomorrow VALUES (1)")


def test_only_the_consumer_of_audit_puts_anything_on_record(new_database: NewDatabase) -> None:
    with opened(new_database("audit"), Process.API) as api:
        for table in ("audit_events", "audit_head"):
            may_do = [privilege for privilege, each in OF_ROWS.items() if may(api, each, table, "position")]
            assert (may_do, may(api, DELETE, table)) == (["SELECT"], False)
    with opened(new_database("audit"), Process.CONSUMER) as consumer:
        assert may(consumer, OF_ROWS["INSERT"], "audit_events", "position")
        assert may(consumer, OF_ROWS["UPDATE"], "audit_head", "position")
        assert not may(consumer, OF_ROWS["UPDATE"], "audit_events", "position")
        assert not may(consumer, OF_ROWS["INSERT"], "audit_head", "position")


def test_a_role_that_is_made_later_has_its_rights_from_the_next_migration_on(
    new_database: NewDatabase, postgres: PostgresServer | ExternalPostgres
) -> None:
    settings = new_database("lab")
    with opened(settings) as owner:
        name = owner.info.dbname
    role, tells = Process.CONSUMER.role_in(name), "SELECT has_table_privilege(%s, 'log_reader', 'UPDATE')"
    with psycopg.connect(make_conninfo(postgres.url, dbname=name), autocommit=True) as administrator:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            administrator.execute(sql.SQL(statement).format(sql.Identifier(role)))
        migrate("lab", settings)
        administrator.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        assert administrator.execute(tells, (role,)).fetchone() == (False,)
        migrate("lab", settings)
        assert administrator.execute(tells, (role,)).fetchone() == (True,)


@pytest.mark.parametrize(
    ("archive", "monday"),
    [("outbox", WEEK), ("saga_archive", WEEK + timedelta(days=1)), ("pg_class", WEEK), (None, WEEK)],
)
def test_a_consumer_has_nothing_made_or_dropped_but_weeks_of_archives(
    archive: str | None, monday: date, new_database: NewDatabase
) -> None:
    with opened(new_database("admission"), Process.CONSUMER) as consumer:
        for function in ("make_archive_week", "drop_archive_week"):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match="there is no week of an archive"):
                consumer.execute(sql.SQL("SELECT {}(%s, %s)").format(sql.Identifier(function)), (archive, monday))


@pytest.mark.parametrize("monday", [date(1970, 1, 5), WEEK, date(2027, 1, 4), WEEK + timedelta(weeks=50_000)])
def test_a_week_holds_what_was_begun_in_it(monday: date, new_database: NewDatabase) -> None:
    with opened(new_database("admission"), Process.CONSUMER) as consumer:
        consumer.execute("SELECT make_archive_week('saga_outcome_archive', %s)", (monday,))
        (bounds,) = consumer.execute(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s",
            (f"saga_outcome_archive_{monday:%Y_%m_%d}",),
        ).fetchone() or ("",)
    begin = (monday - date(1970, 1, 1)).total_seconds()
    assert Week.of_time(begin) == Week(monday)
    assert bounds == f"FOR VALUES FROM ('{least_id_of(begin)}') TO ('{least_id_of(begin + 7 * 86_400)}')"
