"""Sessions with PostgreSQL: nobody's defaults change what is read, and the primary is found wherever it is."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infirmary.postgres.database import is_transient
from infirmary.postgres.session import connect
from infirmary.processes import make_app
from infirmary.settings import Settings
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}
NASTY = {
    "DateStyle": "German, DMY",
    "TimeZone": "Asia/Kathmandu",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "default_transaction_isolation": "serializable",
    "search_path": "pg_catalog",
    "client_encoding": "LATIN1",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_session_timeout": "1ms",
    "array_nulls": "off",
}


@pytest.fixture
def settings(new_database: NewDatabase) -> Settings:
    """The settings of a patient service with a fresh database."""
    return new_database("patient")


def administrate(
    postgres: PostgresServer | ExternalPostgres, settings: Settings, statement: LiteralString, **values: Any
) -> None:
    """Runs a statement about the service's database and role as an administrator."""
    parts = urlsplit(settings.database_url)
    names = {"database": sql.Identifier(parts.path[1:]), "role": sql.Identifier(parts.username or "")}
    with psycopg.connect(make_conninfo(postgres.url), autocommit=True) as session:
        session.execute(sql.SQL(statement).format(**names | values))


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The patient service's application."""
    app = make_app("patient", settings)
    yield app
    app.extensions["storage"].close()


@pytest.mark.parametrize("of", ["ROLE", "DATABASE"])
def test_an_administrators_defaults_change_nothing(
    postgres: PostgresServer | ExternalPostgres, settings: Settings, of: str
) -> None:
    for name, value in NASTY.items():
        statement: LiteralString = "ALTER ROLE {role} SET {setting} = {value}"
        if of == "DATABASE":
            statement = "ALTER DATABASE {database} SET {setting} = {value}"
        value_ = sql.SQL("pg_catalog") if name == "search_path" else sql.Literal(value)
        administrate(postgres, settings, statement, setting=sql.Identifier(name), value=value_)
    with connect(settings, "test") as connection:
        moment = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
        row = connection.execute(
            "SELECT %s::timestamptz, %s::text, date '2001-02-03', interval '1 day 2 hours', '\\x00ff'::bytea, 'Łódź'",
            (moment, "Łódź"),
        ).fetchone()
        assert row is not None
        assert (row[0], row[1], row[2].isoformat(), row[3].total_seconds(), row[4], row[5]) == (
            *(moment, "Łódź", "2001-02-03", 93_600.0),
            *(b"\x00\xff", "Łódź"),
        )
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
    app = make_app("patient", settings)
    client = app.test_client()
    made = client.post("/patients", json={**ADA, "full_name": "Łódź"}, headers={"Idempotency-Key": "k"})
    assert made.status_code == 201
    assert client.get(made.headers["Location"]).get_json() == made.get_json()
    app.extensions["storage"].close()


def test_a_database_that_refuses_writes_is_away_for_writers_until_it_takes_them_again(
    app: Flask, settings: Settings, postgres: PostgresServer | ExternalPostgres
) -> None:
    client = app.test_client()
    assert client.post("/patients", json=ADA).status_code == 201
    administrate(postgres, settings, "ALTER DATABASE {database} SET default_transaction_read_only = on")
    end_sessions(postgres, settings)
    refused = eventually(lambda: client.post("/patients", json=ADA), because="there is an answer")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    with connect(settings, "test") as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as error:
        connection.execute("CREATE TABLE new (a integer)")
    assert is_transient(error.value)
    administrate(postgres, settings, "ALTER DATABASE {database} RESET default_transaction_read_only")
    eventually(lambda: client.post("/patients", json=ADA).status_code == 201, because="new sessions may write again")


def end_sessions(postgres: PostgresServer | ExternalPostgres, settings: Settings) -> None:
    administrate(
        postgres,
        settings,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {database}",
        database=sql.Literal(urlsplit(settings.database_url).path[1:]),
    )


CHANGES: dict[str, list[LiteralString]] = {
    "another type": ["ALTER TABLE patients ALTER COLUMN full_name TYPE varchar(1000)"],
    "one more and one less column": [
        "ALTER TABLE patients ADD COLUMN note text",
        "ALTER TABLE patients DROP COLUMN note",
    ],
    "a table made anew": [
        "CREATE TABLE other (LIKE patients INCLUDING ALL)",
        "INSERT INTO other SELECT * FROM patients",
        "DROP TABLE patients",
        "ALTER TABLE other RENAME TO patients",
    ],
    "statements that a pooler has lost": [],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_plan_that_a_migration_has_made_stale_is_nobodys_concern(app: Flask, settings: Settings, change: str) -> None:
    client = app.test_client()
    where = client.post("/patients", json=ADA).headers["Location"]

    def ask() -> list[int]:
        return [
            client.get(where).status_code,
            client.put(f"{where}/name", json={"full_name": "Ada King"}).status_code,
            client.post("/patients", json=ADA, headers={"Idempotency-Key": "k"}).status_code,
        ]

    for _ in range(5):
        assert ask() == [200, 200, 201]
    with psycopg.connect(settings.as_owner().database_url) as migration:
        for statement in CHANGES[change]:
            migration.execute(statement)
    if not CHANGES[change]:
        storage = app.extensions["storage"]
        with storage.read() as db:
            with db.connection.cursor() as cursor:
                cursor.execute("SELECT 'DEALLOCATE ALL'")
            db.connection.pgconn.exec_(b"DEALLOCATE ALL")  # behind psycopg's back
    for _ in range(5):
        assert ask() == [200, 200, 201]


def test_the_primary_is_found_among_several_hosts(settings: Settings, unused_port: int) -> None:
    parts = urlsplit(settings.database_url)
    account, _, host = parts.netloc.rpartition("@")
    with socket.socket() as deaf:  # accepts a connection and says nothing, like a host whose database hangs
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        hosts = f"127.0.0.1:{unused_port},127.0.0.1:{deaf.getsockname()[1]},{host}"
        several = Settings(
            database_url=parts._replace(netloc=f"{account}@{hosts}", query="target_session_attrs=read-write").geturl()
        )
        app = make_app("patient", several)
        eventually(lambda: app.test_client().post("/patients", json=ADA).status_code == 201, because="it is found")
        with connect(several, "test") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        app.extensions["storage"].close()
