"""Ward's handlers and interface against a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.handlers import Outcome, Refused
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.ward import handlers
from services.ward.messages import PatientDischarged, ReleaseReservation, ReserveBed
from tests.integration.conftest import NewDatabase

PATIENT = new_id()


class Ward:
    """Ward W1."""

    def __init__(self, settings: Settings, client: FlaskClient) -> None:
        self.url, self.client = settings.as_owner().database_url, client

    def put(self, beds: int) -> Any:
        return self.client.put("/wards/W1", json={"name": "West", "beds": beds})

    def seen(self) -> dict[str, Any]:
        return dict(self.client.get("/wards/W1").get_json())

    def holders(self) -> list[str]:
        return [each["admission_id"] for each in self.seen()["reservations"]]

    def reserve(self, admission_id: UUID, ward_id: str = "W1") -> Outcome:
        fields = {"admission_id": admission_id, "patient_id": PATIENT, "ward_id": ward_id}
        return self._handle(handlers.reserve_bed, ReserveBed.model_validate(_envelope() | fields))

    def release(self, admission_id: UUID) -> Outcome:
        command = ReleaseReservation.model_validate(_envelope() | {"admission_id": admission_id})
        return self._handle(handlers.release_reservation, command)

    def discharged(self, admission_id: UUID) -> None:
        self._handle(handlers.release_bed, PatientDischarged(admission_id=admission_id))

    def told(self) -> list[tuple[str, int]]:
        """Returns type and sequence of the events in the outbox, in their order."""
        with psycopg.connect(self.url) as connection:
            return list(connection.execute("SELECT type, sequence FROM outbox ORDER BY id"))

    def _handle(self, handler: Any, message: object) -> Outcome:
        with (
            psycopg.connect(self.url, autocommit=True) as connection,
            transaction(connection, "ward", causation_of(None, None, None)) as tx,
        ):
            outcome: Outcome = handler(message, tx)
        return outcome


def _envelope() -> dict[str, object]:
    return {"saga_id": new_id(), "step": "bed", "attempt": 1, "reply_to": "admission"}


@pytest.fixture
def ward(new_database: NewDatabase) -> Iterator[Ward]:
    settings = new_database("ward")
    app = make_app("ward", settings)
    yield Ward(settings, app.test_client())
    app.extensions["storage"].close()


def test_a_ward_is_opened_and_changed_by_the_same_call(ward: Ward) -> None:
    assert ward.client.get("/wards/W1").status_code == 404
    assert ward.put(beds=2).status_code == 200
    assert ward.put(beds=3).get_json() == ward.seen()
    assert ward.seen() == {
        "ward_id": "W1",
        "name": "West",
        "beds": 3,
        "reserved": 0,
        "free": 3,
        "reservations": [],
        "reservations_total": 0,
    }


def test_the_last_bed_is_given_to_one_admission_however_many_ask_at_once(ward: Ward) -> None:
    ward.put(beds=3)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: ward.reserve(new_id()), range(24)))
    assert outcomes.count(None) == 3
    assert outcomes.count(Refused("no free bed")) == 21
    assert (ward.seen()["reserved"], ward.seen()["free"]) == (3, 0)
    assert ward.told() == [("WardFurnished", 1), ("BedReserved", 2), ("BedReserved", 3), ("BedReserved", 4)]


def test_several_who_open_a_ward_at_once_open_the_same_one(ward: Ward) -> None:
    def open_it(beds: int) -> int:
        client = ward.client.application.test_client()
        return client.put("/wards/W1", json={"name": "West", "beds": beds}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(open_it, range(1, 17))) == [200] * 16


def test_an_unknown_ward_refuses(ward: Ward) -> None:
    assert ward.reserve(new_id(), "nowhere") == Refused("the ward is not known")


def test_a_release_frees_the_bed_of_its_admission_only_and_only_once(ward: Ward) -> None:
    ward.put(beds=2)
    first, second = new_id(), new_id()
    ward.reserve(first), ward.reserve(second)
    assert ward.release(first) is None
    ward.discharged(first)
    assert ward.holders() == [str(second)]
    assert [kind for kind, _ in ward.told()] == ["WardFurnished", "BedReserved", "BedReserved", "BedReleased"]


def test_a_discharge_frees_the_bed_and_one_that_nobody_waits_for_changes_nothing(ward: Ward) -> None:
    ward.put(beds=1)
    ward.discharged(new_id())
    admission_id = new_id()
    ward.reserve(admission_id)
    ward.discharged(admission_id)
    assert ward.holders() == []
    assert [kind for kind, _ in ward.told()] == ["WardFurnished", "BedReserved", "BedReleased"]


def test_beds_that_are_reserved_cannot_be_taken_away(ward: Ward) -> None:
    ward.put(beds=2)
    ward.reserve(new_id())
    answer = ward.put(beds=0)
    assert (answer.status_code, answer.get_json()["detail"]) == (
        409,
        "the ward cannot have fewer beds (0) than are reserved (1)",
    )
    assert ward.seen()["beds"] == 2


@pytest.mark.parametrize("beds", [-1, 10_001, 10**30, 1.5, "2", None, True])
def test_a_number_of_beds_that_no_ward_has_is_refused(ward: Ward, beds: object) -> None:
    assert ward.client.put("/wards/W1", json={"name": "West", "beds": beds}).status_code == 422
