"""A person is erased: nobody calls the patient by name any more, and it is seen who has not answered."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from infirmary.identifiers import new_id
from infirmary.messages import Reply, encode
from infirmary.testing import Handed, message
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.services.postman import Service

ON_POSTGRESQL = ("patient", "prescription", "lab", "chart")
NAME, OTHER_NAME, BORN = "Zenobia Quillfeather", "Zenobia Ravenscroft", "1907-02-28"


def prescribed(patient: str) -> dict[str, Any]:
    return {"patient_id": patient, "medication_code": "asp", "quantity": 1}


def examined(patient: str) -> dict[str, Any]:
    return {"patient_id": patient, "test": "potassium", "value": "6.8", "unit": "mmol/l", "critical": True}


class Hospital:
    """Those on PostgreSQL who hold a patient's name, and a postman. He answers for notification.

    Attributes:
        stopped: Services whose consumers are away.
        read: All letters by log, as a log keeps them.
    """

    def __init__(self, new_database: NewDatabase, stack: ExitStack) -> None:
        self.services = {name: Service(name, new_database(name), stack) for name in ON_POSTGRESQL}
        self.stopped: set[str] = set()
        self._answered = 0
        self._waiting: dict[str, deque[tuple[str, Handed]]] = {name: deque() for name in ON_POSTGRESQL}
        self.read: list[tuple[str, Handed]] = []

    def call(
        self, service: str, method: str, path: str, body: object = None, status: int = 200, key: str | None = None
    ) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.services[service].client.open(path, method=method, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer

    def registered(self) -> str:
        """Registers somebody who changes names, and of whom everybody knows something."""
        body = {"full_name": NAME, "date_of_birth": BORN}
        patient: str = self.call("patient", "POST", "/patients", body, 201, "registered").get_json()["patient_id"]
        self.carry()
        self.call("prescription", "POST", "/prescriptions", prescribed(patient), 201, "prescribed")
        self.call("lab", "POST", "/lab-results", examined(patient), 201, "examined")
        self.call("patient", "PUT", f"/patients/{patient}/name", {"full_name": OTHER_NAME})
        self.carry()
        return patient

    def carry(self) -> None:
        """Carries messages, each of them twice, until nobody who is there has any left."""
        while self._collected() or any(self._waiting[name] for name in self._waiting.keys() - self.stopped):
            for name in self._waiting.keys() - self.stopped:
                self._hand_over(name)

    def repeat(self, service: str) -> None:
        """Hands a service all letters of others once more but for the last, the erasure: as if it began anew."""
        consumer = self.services[service].consumer
        for log, letter in self.read:
            if log in consumer.logs and letter[0]["type"] != "PatientErased":
                consumer.apply(log, letter)

    def holders(self, place: str) -> dict[str, bool]:
        """Returns who has answered."""
        shown = self.call("patient", "GET", place).get_json()
        return {holder["name"]: holder["answered"] for holder in shown["holders"]}

    def says(self, name: str) -> list[str]:
        """Returns where a text is to be found, whatever the table."""
        found = []
        for service in self.services.values():
            tables = service.database.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
            for (table,) in tables.fetchall():
                rows = service.database.execute(f"SELECT t::text FROM {table} t").fetchall()
                found += [f"{service.name}.{table}" for (row,) in rows if name in row or name.encode().hex() in row]
        return found

    def _collected(self) -> bool:
        """Takes the letters out of all outboxes to those who read them. Says whether there were any."""
        bag = [one for service in self.services.values() for one in service.post_bag()]
        for log, letter in bag:
            self.read.append((log, letter))
            for name, waiting in self._waiting.items():
                if log in self.services[name].consumer.logs:
                    waiting.append((log, letter))
            if log == "patient.to.notification":
                self._waiting["patient"].append(("notification.to.patient", self._notifications_answer(letter)))
        return bool(bag)

    def _hand_over(self, name: str) -> None:
        waiting = self._waiting[name]
        while waiting:
            log, letter = waiting.popleft()
            self.services[name].consumer.apply(log, letter, letter)

    def _notifications_answer(self, letter: Handed) -> Handed:
        saga_id = letter[0]["application_headers"]["subject"]
        reply = Reply.model_validate({"saga_id": saga_id, "step": "notification", "attempt": 1, "outcome": "done"})
        self._answered += 1
        return message("notification", "Reply", encode(reply), subject=saga_id, sequence=self._answered)


@pytest.fixture
def hospital(new_database: NewDatabase) -> Iterator[Hospital]:
    with ExitStack() as stack:
        yield Hospital(new_database, stack)


def test_after_an_erasure_nobody_calls_the_patient_by_name_and_what_was_done_stays(hospital: Hospital) -> None:
    patient = hospital.registered()
    assert hospital.says(OTHER_NAME) == [
        "patient.patients", "prescription.patient_snapshot", "lab.patient_snapshot", "chart.patients",
    ]  # fmt: skip
    assert hospital.says(NAME) == [f"{each}.idempotency_key" for each in ("patient", "prescription", "lab")]
    answer = hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
    place = answer.headers["Location"]
    assert hospital.holders(place) == dict.fromkeys(["prescription", "lab", "notification", "chart"], False)
    assert hospital.call("patient", "GET", f"/patients/{patient}", status=410).mimetype == "application/problem+json"
    hospital.carry()
    assert hospital.holders(place) == dict.fromkeys(["prescription", "lab", "notification", "chart"], True)
    assert hospital.call("patient", "GET", place).get_json()["status"] == "completed"
    assert [*hospital.says(NAME), *hospital.says(OTHER_NAME), *hospital.says(BORN)] == []
    for service, path in (("prescription", "/prescriptions"), ("lab", "/lab-results")):
        (item,) = hospital.call(service, "GET", f"{path}?patient_id={patient}").get_json()["items"]
        assert item["patient_name"] == "erased"
    hospital.call("chart", "GET", f"/charts/{patient}", status=404)


@pytest.mark.parametrize("service", ["prescription", "lab", "chart"])
def test_what_is_read_again_brings_no_name_back(hospital: Hospital, service: str) -> None:
    patient = hospital.registered()
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
    hospital.carry()
    hospital.services[service].database.execute("TRUNCATE log_sequence")
    hospital.repeat(service)
    assert [*hospital.says(NAME), *hospital.says(OTHER_NAME), *hospital.says(BORN)] == []


def test_it_is_seen_who_has_not_answered_and_the_others_have_forgotten(hospital: Hospital) -> None:
    patient = hospital.registered()
    hospital.stopped.add("lab")
    place = hospital.call("patient", "DELETE", f"/patients/{patient}", status=202).headers["Location"]
    hospital.carry()
    assert hospital.holders(place) == {"prescription": True, "lab": False, "notification": False, "chart": False}
    assert (hospital.says(OTHER_NAME), hospital.says(NAME)) == (["lab.patient_snapshot"], ["lab.idempotency_key"])
    hospital.stopped.clear()
    hospital.carry()
    assert set(hospital.holders(place).values()) == {True}


def test_who_asks_again_is_shown_the_same_erasure(hospital: Hospital) -> None:
    patient = hospital.registered()
    first, second = (hospital.call("patient", "DELETE", f"/patients/{patient}", status=202) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert first.get_json()["erasure_id"] in first.headers["Location"]


def test_nobody_is_erased_who_is_not_known(hospital: Hospital) -> None:
    hospital.call("patient", "DELETE", f"/patients/{new_id()}", status=404)
    hospital.call("patient", "GET", f"/erasures/{new_id()}", status=404)


def test_nothing_more_can_be_written_about_a_patient_who_was_erased(hospital: Hospital) -> None:
    patient = hospital.registered()
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
    hospital.carry()
    hospital.call("patient", "PUT", f"/patients/{patient}/name", {"full_name": NAME}, status=410)
    hospital.call("patient", "POST", f"/patients/{patient}/discharge", status=410)
    hospital.call("prescription", "POST", "/prescriptions", prescribed(patient), 422)
    hospital.call("lab", "POST", "/lab-results", examined(patient), 422)


def test_an_admitted_patient_is_not_erased(hospital: Hospital) -> None:
    patient = hospital.registered()
    hospital.services["patient"].database.execute("UPDATE patients SET admission_id = gen_random_uuid()")
    refused = hospital.call("patient", "DELETE", f"/patients/{patient}", status=409).get_json()
    assert refused["detail"] == "the patient is admitted; discharge the patient first"
    hospital.call("patient", "GET", f"/patients/{patient}")


def test_the_law_keeps_a_record_for_as_long_as_the_setting_says(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = hospital.registered()
    monkeypatch.setattr("services.patient.api.LEGAL_RETENTION_DAYS", 30)
    refused = hospital.call("patient", "DELETE", f"/patients/{patient}", status=409).get_json()
    assert refused["detail"].startswith("the law keeps the record for 30 days after the last contact, until ")
    hospital.services["patient"].database.execute("UPDATE patients SET last_contact_at = now() - interval '31 days'")
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)


def test_who_repeats_a_request_gets_the_first_answer_without_the_name(hospital: Hospital) -> None:
    patient = hospital.registered()
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
    hospital.carry()
    body = {"full_name": NAME, "date_of_birth": BORN}
    again = hospital.call("patient", "POST", "/patients", body, 201, "registered").get_json()
    assert (again["patient_id"], again["full_name"], again["date_of_birth"]) == (patient, "erased", "0001-01-01")
    again = hospital.call("lab", "POST", "/lab-results", examined(patient), 201, "examined").get_json()
    assert again["patient_name"] == "erased"


@pytest.mark.parametrize(
    ("service", "table"), [("prescription", "patient_snapshot"), ("lab", "patient_snapshot"), ("chart", "patients")]
)
def test_a_held_message_loses_the_name_and_can_be_applied_afterwards(
    hospital: Hospital, service: str, table: str
) -> None:
    database = hospital.services[service].database
    database.execute(f"ALTER TABLE {table} ADD CONSTRAINT no_other CHECK (full_name <> '{OTHER_NAME}')")
    patient = hospital.registered()
    assert hospital.says(OTHER_NAME).count(f"{service}.parked_message") == 1
    (error,) = database.execute("SELECT error FROM parked_message").fetchone() or ("",)
    assert OTHER_NAME in error  # PostgreSQL cites the row that it refuses
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
    hospital.carry()
    assert [*hospital.says(NAME), *hospital.says(OTHER_NAME), *hospital.says(BORN)] == []
    database.execute("UPDATE parked_message SET retry_at = now()")
    for _ in range(2):
        hospital.services[service].consumer.retry()
    assert database.execute("SELECT * FROM parked_message").fetchall() == []


def test_an_answer_that_was_begun_before_the_erasure_is_found_by_it(hospital: Hospital) -> None:
    patient = hospital.registered()
    consumer = hospital.services["lab"].consumer
    with psycopg.connect(hospital.services["lab"].settings.as_owner().database_url) as begun:
        begun.execute(
            "INSERT INTO idempotency_key (scope, key, request_hash, about) VALUES ('POST', 'slow', '', %s)",
            [patient],
        )
        hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
        with ThreadPoolExecutor(1) as pool:
            erasing = pool.submit(hospital.carry)
            look = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'idempotency_key'::regclass"
            with psycopg.connect(
                hospital.services["lab"].settings.as_owner().database_url, autocommit=True
            ) as onlooker:
                eventually(lambda: onlooker.execute(look).fetchone() is not None, because="the erasure waits for it")
            body = f'{{"patient_id":"{patient}","patient_name":"{OTHER_NAME}"}}'.encode()
            begun.execute("UPDATE idempotency_key SET body = %s WHERE key = 'slow'", [body])
            begun.commit()
            erasing.result()
    consumer.retry()
    assert hospital.says(OTHER_NAME) == []


def test_who_asks_again_when_the_saga_is_forgotten_hears_that_the_patient_was_erased(hospital: Hospital) -> None:
    patient = hospital.registered()
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=202)
    hospital.carry()
    hospital.services["patient"].database.execute("TRUNCATE saga, saga_history")
    hospital.call("patient", "DELETE", f"/patients/{patient}", status=410)
