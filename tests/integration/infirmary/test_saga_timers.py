"""Sagas that are taken up because nobody has answered."""

import psycopg

from infirmary.identifiers import new_id
from infirmary.postgres.sagas.timers import time_out
from infirmary.postgres.transaction import transaction
from infirmary.tracing.causation import causation_of
from infirmary.tracing.trace_context import new_traceparent
from services.prescription.saga import orchestrator
from tests.integration.conftest import NewDatabase

_WITHOUT_A_STATE = """
INSERT INTO saga (saga_id, name, status, state, data, correlation_id, traceparent, due_at)
VALUES (%s, 'dispensing', 'running', '{}', '{}', 'none', %s, now())
"""


def test_a_saga_that_cannot_be_carried_on_does_not_stop_the_consumer_and_is_tried_later(
    new_database: NewDatabase,
) -> None:
    url = new_database("prescription").database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_WITHOUT_A_STATE, (new_id(), new_traceparent(0.0)))
        with transaction(connection, "prescription", causation_of(None, None, None), pipelined=False) as tx:
            assert time_out(orchestrator, tx) == 1
        assert connection.execute("SELECT due_at > now() FROM saga").fetchone() == (True,)
