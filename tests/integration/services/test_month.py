"""Two weeks of admissions, prescribed and refused, leave the library's tables as they were: `make month` in short."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from benchmarks.month.month import Month
from tests.integration.conftest import NewDatabase
from tests.integration.services.postman import SERVICES, Hospital

DAYS, A_DAY = 33, 3


@pytest.fixture
def hospital(new_database: NewDatabase) -> Iterator[Hospital]:
    with ExitStack() as stack:
        yield Hospital(new_database, stack)


def day(hospital: Hospital, patient_id: str, held: str) -> None:
    """Somebody is admitted and goes home, three times, each asked for with a key; another one is refused."""
    for _ in range(A_DAY):
        body, key = {"patient_id": patient_id, "ward_id": "W1"}, {"Idempotency-Key": str(uuid4())}
        asked = hospital.services["admission"].client.post("/admissions", json=body, headers=key)
        admission_id = asked.get_json()["admission_id"]
        hospital.carry()
        hospital.confirm(admission_id)
        assert hospital.admission(admission_id)[0] == "completed"
        hospital.call("patient", "POST", f"/patients/{patient_id}/discharge")
        hospital.carry()
    assert hospital.admission(hospital.admit(held))[0] == "failed"


def test_the_tables_of_the_library_stop_to_grow(hospital: Hospital) -> None:
    month = Month({name: hospital.services[name].settings for name in SERVICES})
    patient_id, held = hospital.patient(), hospital.patient()
    hospital.call("billing", "PUT", f"/accounts/{held}/hold", {"held": True})
    hospital.carry()
    for _ in range(DAYS):
        month.live(lambda: day(hospital, patient_id, held))
    assert {name: kept.growing() for name, kept in month.kept.items()} == {name: [] for name in SERVICES}
    admission = month.kept["admission"]
    assert admission.rows("saga")[-1] == A_DAY + 1, "those of the last day, with whom all begins"
    assert A_DAY + 1 < admission.rows("saga_archive")[-1] < DAYS * (A_DAY + 1)
    assert admission.rows("idempotency_key")[-1] <= 2 * A_DAY
    assert admission.rows("ended_subject")[-1] > 0
    for name, kept in month.kept.items():
        assert kept.rows("log_sequence")[-1] == kept.rows("log_sequence")[DAYS // 2], name
        assert kept.rows("outbox_sequence")[-1] == kept.rows("outbox_sequence")[DAYS // 2], name
    for name in ("ward", "patient", "billing"):
        answered = month.kept[name].rows("saga_outcome_archive")
        assert 0 < answered[-1] < DAYS * (A_DAY + 1)
