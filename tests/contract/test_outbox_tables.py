"""A service's outbox has the columns that the relay expects of anybody's, whoever wrote the two."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import crc32

import psycopg
import pytest

from infirmary.postgres.migrate import migrate
from infirmary.settings import Settings
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from local.servers.sources import Source, postgres_source, this_machine

RELAY_TABLES = Path(__file__).resolve().parents[2] / "relay" / "infirmary_relay" / "schema.sql"
PAGE = RELAY_TABLES.parents[2] / "docs" / "outbox-contract.md"

COLUMNS = """
SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default, is_identity,
       identity_generation,
       (SELECT relpersistence FROM pg_class WHERE oid = table_name::regclass) AS persistence
FROM information_schema.columns WHERE table_name = ANY(%(tables)s) ORDER BY table_name, ordinal_position
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = ANY(%(tables)s::text[]::regclass[]) AND contype <> 'n' ORDER BY 1, 2, 3
"""
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
IDENTITY_CACHE = "SELECT seqcache FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence('outbox', 'id')::regclass"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer | ExternalPostgres]:
    machine = this_machine()
    if postgres_source(machine) is Source.EXTERNAL:
        yield ExternalPostgres(machine.environment["POSTGRES_URL"])
        return
    with PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


def test_a_migrated_service_has_the_outbox_of_the_relay(postgres: PostgresServer | ExternalPostgres) -> None:
    databases = postgres.databases
    databases.make_template("contract_service", lambda url: migrate("patient", Settings(database_url=url)))
    databases.make_template("contract_relay", _create_relay_tables)
    with databases.clone("contract_service") as of_service, databases.clone("contract_relay") as of_relay:
        expected = _tables(of_relay)
        assert expected <= _tables(of_service)
        asked = {"tables": sorted(expected)}
        for query in (COLUMNS, CONSTRAINTS, IDENTITY_CACHE):
            assert _rows(of_service, query, asked) == _rows(of_relay, query, asked)
            assert _rows(of_relay, query, asked)


def test_the_page_shows_the_tables_that_the_relay_prints() -> None:
    shown = PAGE.read_text().partition("```sql")[2].partition("```")[0]
    printed = [line for line in RELAY_TABLES.read_text().splitlines() if not line.startswith("--")]
    assert shown.split() == "\n".join(printed).split()


def test_the_statement_that_the_page_shows_numbers_the_messages_of_a_subject(
    postgres: PostgresServer | ExternalPostgres,
) -> None:
    text = PAGE.read_text()
    statement = text[text.index("    WITH next AS") : text.index("FROM next") + len("FROM next")]
    postgres.databases.make_template("contract_relay", _create_relay_tables)
    with postgres.databases.clone("contract_relay") as url, psycopg.connect(url) as connection:
        for _ in range(2):
            connection.execute(statement.encode())
        rows = connection.execute("SELECT sequence, partition, target, subject FROM outbox ORDER BY id").fetchall()
        assert rows == [(sequence, crc32(b"order-7") % 64, "orders.events", "order-7") for sequence in (1, 2)]


def _create_relay_tables(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(RELAY_TABLES.read_bytes())


def _tables(url: str) -> set[str]:
    return {str(name) for (name,) in _rows(url, TABLES)}


def _rows(url: str, query: str, asked: Mapping[str, object] | None = None) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), asked).fetchall()
