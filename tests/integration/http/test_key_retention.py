"""Old idempotency keys are forgotten, however many they are, and young ones are not."""

import psycopg
import pytest

from infirmary.beside import Beside
from infirmary.postgres.housekeeping import housekeeping_of_api
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

_ROWS = """
INSERT INTO idempotency_key (scope, key, request_hash, created_at)
SELECT 'POST /patients', %s || number, '\\x00', now() - %s * interval '1 day' FROM generate_series(1, %s) AS number
"""


@pytest.mark.parametrize("days", [7, 2])
def test_keys_older_than_the_setting_are_forgotten_in_one_go_and_young_ones_kept(
    new_database: NewDatabase, days: int
) -> None:
    settings = new_database("patient").model_copy(update={"idempotency_key_days": days})
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection:
        connection.execute(_ROWS, ("old", days + 1, 5000))
        connection.execute(_ROWS, ("young", days - 1, 50))
        with connection.transaction():
            connection.execute("SELECT FROM idempotency_key WHERE key = 'old17' FOR UPDATE")  # in somebody's hands
            housekeeping = Beside([housekeeping_of_api("patient", settings, every_s=0.2)])
            left = eventually(lambda: remaining(connection, 51), because="all but this one are forgotten")
            assert left == 51
        eventually(lambda: remaining(connection, 50), because="so is this one, at the next look")
        housekeeping.close()


def remaining(connection: psycopg.Connection[tuple[int]], wanted: int) -> int | None:
    found = connection.execute("SELECT count(*) FROM idempotency_key").fetchone()
    return wanted if found == (wanted,) else None
