"""What is told of a table that grows is what is in it: exact while it is small, about right when it is large."""

import time
from collections.abc import Callable

import psycopg
from prometheus_client import REGISTRY
from pymongo import MongoClient

from infirmary.beside import Beside
from infirmary.identifiers import new_id
from infirmary.mongo.tables import MongoTables
from infirmary.observing.tables import COUNTED_TO, measuring
from infirmary.postgres.housekeeping import housekeeping_of_api
from infirmary.postgres.key_retention import KEYS
from infirmary.postgres.tables import PostgresTables
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

_ROWS = """
INSERT INTO idempotency_key (scope, key, request_hash, created_at)
SELECT 'POST /patients', gen_random_uuid(), '\\x00', now() - %s * interval '1 hour' FROM generate_series(1, %s)
"""


def test_the_rows_of_a_table_of_postgresql_are_counted_few_and_estimated_many(new_database: NewDatabase) -> None:
    settings = new_database("patient")
    look = PostgresTables(settings, "patient/test", [KEYS])
    assert [(size.rows, size.oldest_at) for size in look()] == [(0, 0.0)]
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection:
        connection.execute(_ROWS, (3, 1))
        connection.execute(_ROWS, (1, COUNTED_TO - 1))
        (size,) = look()
        assert (size.rows, round((time.time() - size.oldest_at) / 60)) == (COUNTED_TO, 180)
        connection.execute(_ROWS, (1, 30_000))
        connection.execute("ANALYZE idempotency_key")
        connection.execute(_ROWS, (1, 40_000))
        # What a connection has added comes to be known a moment after its commit.
        eventually(
            lambda: all(70_000 < size.rows < 90_000 for size in look()),
            because="the estimate knows of what came after it",
        )


def test_the_documents_of_a_collection_are_counted_few_and_estimated_many(mongodb: Callable[[str], str]) -> None:
    with MongoClient[dict[str, object]](mongodb("tables"), uuidRepresentation="standard") as client:
        database = client.get_default_database()
        look = MongoTables(database, {"stay": "_id"})
        assert [(size.rows, size.oldest_at) for size in look()] == [(0, 0.0)]
        database["stay"].insert_many([{"_id": new_id()} for _ in range(20)])
        (size,) = look()
        assert (size.rows, round(time.time() - size.oldest_at)) == (20, 0)
        database["stay"].insert_many([{"_id": new_id()} for _ in range(COUNTED_TO)])
        (size,) = look()
        assert size.rows == COUNTED_TO + 20


def test_a_watch_shows_what_it_finds_and_survives_a_database_that_is_away(new_database: NewDatabase) -> None:
    settings = new_database("patient")
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection:
        connection.execute(_ROWS, (1, 7))
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    looks = [PostgresTables(each, "patient/test", [KEYS]) for each in (away, settings)]
    assert shown("infirmary_table_rows") is not None, "the series is there before the first look"
    watch = Beside([measuring(lambda: (looks.pop(0) if len(looks) > 1 else looks[0])(), every_s=0.1)])
    eventually(lambda: shown("infirmary_table_rows") == 7, because="it has looked again")
    assert time.time() - (shown("infirmary_table_measured_timestamp_seconds") or 0) < 60
    watch.close()


def test_retention_says_when_it_has_left_nothing_that_is_too_old(new_database: NewDatabase) -> None:
    began = time.time()
    housekeeping = Beside([housekeeping_of_api("patient", new_database("patient"), every_s=0.1)])
    eventually(
        lambda: (shown("infirmary_retention_completed_timestamp_seconds") or 0) >= began, because="a pass has ended"
    )
    housekeeping.close()


def shown(metric: str) -> float | None:
    return REGISTRY.get_sample_value(metric, {"table": KEYS.name})
