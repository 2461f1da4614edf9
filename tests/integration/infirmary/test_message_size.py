"""A message that is too large is refused where it is written, and takes with it what it would have told about."""

import psycopg

from infirmary.processes import make_app
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG, Faults

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}


def test_a_request_that_would_tell_too_much_is_answered_with_the_reason_and_changes_nothing(
    new_database: NewDatabase,
) -> None:
    settings = new_database("patient").model_copy(update={"message_max_bytes": 40})
    app = make_app("patient", settings)
    answer = app.test_client().post("/patients", json=ADA)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert answer.json is not None
    assert "PatientRegistered has " in answer.json["detail"]
    assert "MESSAGE_MAX_BYTES allows 40" in answer.json["detail"]
    with psycopg.connect(settings.as_owner().database_url) as connection:
        assert connection.execute("SELECT count(*) FROM patients").fetchone() == (0,)
    app.extensions["storage"].close()


def test_a_message_whose_handler_would_tell_too_much_is_parked_with_the_reason(
    counting: Counting, faults: Faults
) -> None:
    counting.store.close()
    counting.settings = counting.settings.model_copy(update={"message_max_bytes": len('{"counter":"a","number":1}')})
    counting.store = counting.open_store()
    counting.applier = counting.applier_on(counting.store)
    counting.store.positions.own(LOG)
    counting.read(counting.told("a", 1), counting.told("long", 1), counting.told("b", 1))
    assert [counting.numbers(counter) for counter in ("a", "long", "b")] == [[1], [], [1]]
    ((subject, sequence, error),) = counting.held()
    assert (subject, sequence) == ("long", 1)
    assert "Counted has 29 bytes, and MESSAGE_MAX_BYTES allows 26" in error
