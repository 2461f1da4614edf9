"""A service's outbox has the columns that the relay expects of anybody's, whoever wrote the two."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.servers.given import GivenPostgres
from local.servers.postgres import PostgresServer
from local.servers.sources import Source, postgres_source, this_machine
from services.chassis.migrate import migrate
from services.chassis.settings import Settings

RELAY_TABLES = Path(__file__).resolve().parents[2] / "relay" / "schema.sql"

COLUMNS = """
SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default, is_identity,
       identity_generation,
       (SELECT relpersistence FROM pg_class WHERE oid = table_name::regclass) AS persistence
FROM information_schema.columns WHERE table_name IN ('outbox', 'outbox_relay') ORDER BY table_name, ordinal_position
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid IN ('outbox'::regclass, 'outbox_relay'::regclass) AND contype <> 'n' ORDER BY 1, 2, 3
"""
IDENTITY_CACHE = "SELECT seqcache FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence('outbox', 'id')::regclass"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer | GivenPostgres]:
    machine = this_machine()
    if postgres_source(machine) is Source.GIVEN:
        yield GivenPostgres(machine.environment["POSTGRES_URL"])
        return
    with PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


def test_a_migrated_service_has_the_outbox_of_the_relay(postgres: PostgresServer | GivenPostgres) -> None:
    databases = postgres.databases
    databases.make_template("contract_service", lambda url: migrate("patient", Settings(database_url=url)))
    databases.make_template("contract_relay", _create_relay_tables)
    with databases.clone("contract_service") as of_service, databases.clone("contract_relay") as of_relay:
        for query in (COLUMNS, CONSTRAINTS, IDENTITY_CACHE):
            assert _rows(of_service, query) == _rows(of_relay, query)
            assert _rows(of_relay, query)


def _create_relay_tables(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(RELAY_TABLES.read_bytes())


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()
