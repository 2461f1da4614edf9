"""Old idempotency keys are forgotten, however many they are, and young ones are not."""

import psycopg

from infirmary.postgres.key_retention import KeyRetention
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

_ROWS = """
INSERT INTO idempotency_key (scope, key, request_hash, created_at)
SELECT 'POST /patients', %s || number, '\\x00', now() - %s * interval '1 day' FROM generate_series(1, %s) AS number
"""


def test_keys_older_than_a_week_are_forgotten_in_one_go_and_young_ones_kept(new_database: NewDatabase) -> None:
    settings = new_database("patient")
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(_ROWS, ("old", 8, 5000))
        connection.execute(_ROWS, ("young", 6, 50))
        with connection.transaction():
            connection.execute("SELECT FROM idempotency_key WHERE key = 'old17' FOR UPDATE")  # in somebody's hands
            retention = KeyRetention(settings, "patient", every_s=0.2)
            left = eventually(lambda: remaining(connection, 51), because="all but this one are forgotten")
            assert left == 51
        eventually(lambda: remaining(connection, 50), because="so is this one, at the next look")
        retention.close()


def remaining(connection: psycopg.Connection[tuple[int]], wanted: int) -> int | None:
    found = connection.execute("SELECT count(*) FROM idempotency_key").fetchone()
    return wanted if found == (wanted,) else None
