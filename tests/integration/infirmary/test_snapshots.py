"""A copy of another service's data is only ever replaced by something newer."""

import psycopg
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from infirmary.identifiers import new_id
from infirmary.postgres.statements import new_metadata
from infirmary.postgres.transaction import transaction
from infirmary.snapshots import ERASED_VERSION, Snapshot
from infirmary.tracing.causation import causation_of
from tests.integration.conftest import NewDatabase

SNAPSHOT = Snapshot(
    "customer",
    sa.Table(
        "customer_snapshot",
        new_metadata(),
        sa.Column("customer_id", sa.Uuid, primary_key=True),
        sa.Column("full_name", sa.Text),
        sa.Column("city", sa.Text),
        sa.Column("version", sa.BigInteger),
    ),
)
TABLE = "CREATE TABLE customer_snapshot (customer_id uuid PRIMARY KEY, full_name text, city text, version bigint)"
OBSERVED = ("infirmary_snapshot_staleness_seconds_count", {"snapshot": "customer"})


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 2, 3)])
def test_the_newest_version_stays_in_whatever_order_they_come(
    new_database: NewDatabase, order: tuple[int, ...]
) -> None:
    customer = new_id()
    with psycopg.connect(new_database("patient").as_owner().database_url, autocommit=True) as connection:
        connection.execute(TABLE)
        for version in order:
            with transaction(connection, "orders", causation_of(None, None, None)) as tx:
                SNAPSHOT.keep(tx, customer, version, full_name=f"name {version}", city=f"city {version}")
        kept = connection.execute("SELECT * FROM customer_snapshot").fetchall()
    assert kept == [(customer, "name 3", "city 3", 3)]


def test_what_was_erased_is_not_brought_back_by_anything_that_is_read_later(new_database: NewDatabase) -> None:
    known, unheard_of = new_id(), new_id()
    with psycopg.connect(new_database("patient").as_owner().database_url, autocommit=True) as connection:
        connection.execute(TABLE)
        with transaction(connection, "orders", causation_of(None, None, None)) as tx:
            SNAPSHOT.keep(tx, known, 1, full_name="Ada", city="London")
            for customer in (known, unheard_of):
                SNAPSHOT.erase(tx, customer, full_name=None, city=None)
                SNAPSHOT.keep(tx, customer, 2, full_name="Ada", city="London")
                SNAPSHOT.keep(tx, customer, ERASED_VERSION, full_name="Ada", city="London")
        kept = connection.execute("SELECT full_name, city FROM customer_snapshot").fetchall()
    assert kept == [(None, None)] * 2


def test_how_old_it_is_is_told_after_the_commit(new_database: NewDatabase) -> None:
    assert REGISTRY.get_sample_value(*OBSERVED) is not None  # there from the start
    before = REGISTRY.get_sample_value(*OBSERVED) or 0
    with psycopg.connect(new_database("patient").as_owner().database_url, autocommit=True) as connection:
        connection.execute(TABLE)
        with transaction(connection, "orders", causation_of(None, None, None)) as tx:
            tx.written_at = "2026-01-01T00:00:00+00:00"
            SNAPSHOT.keep(tx, new_id(), 1, full_name="Ada", city="London")
            assert REGISTRY.get_sample_value(*OBSERVED) == before
    assert REGISTRY.get_sample_value(*OBSERVED) == before + 1
