"""An answer that is read afterwards: it tells what was committed, and nobody waits for a lock while it is made."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel

from infirmary.http.api import Afterwards, Api
from infirmary.http.app import create_app
from infirmary.identifiers import new_id
from infirmary.postgres.storage import PostgresStorage
from infirmary.postgres.transaction import Query, Transaction
from tests.integration.conftest import NewDatabase

PATIENT = new_id()


class View(BaseModel):
    """A patient's name, asked for as by somebody who would change it."""

    full_name: str


def free_name(db: Query, patient_id: UUID) -> View:
    """Fails at once if anybody else has the row locked."""
    found = db.one(
        View,
        "SELECT full_name FROM patients WHERE patient_id = %(patient_id)s FOR UPDATE NOWAIT",
        patient_id=patient_id,
    )
    assert found is not None
    return found


@pytest.fixture
def client(new_database: NewDatabase) -> Iterator[FlaskClient]:
    api = Api("patient")

    @api.endpoint("PUT", "/name", View, scope="patients:write")
    def put_name(tx: Transaction) -> Afterwards:
        """Name a patient."""
        tx.execute(
            """INSERT INTO patients (patient_id, full_name, date_of_birth, version)
               VALUES (%(patient_id)s, 'Ada', '1815-12-10', 1)""",
            patient_id=PATIENT,
        )
        return Afterwards(lambda db: free_name(db, PATIENT))

    app = create_app(api, PostgresStorage("patient", new_database("patient")))
    yield app.test_client()
    app.extensions["storage"].close()


def test_no_lock_is_held_while_the_answer_is_read(client: FlaskClient) -> None:
    answer = client.put("/name")
    assert (answer.status_code, answer.get_json()) == (200, {"full_name": "Ada"})


def test_a_post_cannot_answer_afterwards_because_its_answer_is_stored_with_its_key() -> None:
    def post_name(tx: Transaction) -> Afterwards:
        """Name a patient."""
        return Afterwards(lambda db: free_name(db, PATIENT))

    with pytest.raises(TypeError, match="post_name is a POST"):
        Api("patient").endpoint("POST", "/name", View)(post_name)
