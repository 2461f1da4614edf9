"""Admissions through the real services ward, patient and billing, each on its own PostgreSQL database.

A postman stands in for relay and broker: he takes what is in the outboxes and hands it over, or keeps it back.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from infirmary.identifiers import new_id
from infirmary.messages import Reply, encode
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.saga.definition import MAX_SILENT_ATTEMPTS
from infirmary.tracing.causation import causation_of
from tests.integration.by_hand import HandFed, properties_of
from tests.integration.conftest import NewDatabase

Letter = tuple[dict[str, Any], bytes]
"""A message's properties and its body."""

SERVICES = ("admission", "ward", "patient", "billing")


class Service:
    """One service: its interface, its consumer and a look into its database."""

    def __init__(self, name: str, new_database: NewDatabase, stack: ExitStack) -> None:
        self.name, self.settings = name, new_database(name)
        app = make_app(name, self.settings)
        stack.callback(app.extensions["storage"].close)
        self.client: FlaskClient = app.test_client()
        self.consumer = HandFed(name, self.settings)
        stack.callback(self.consumer.close)
        self.database = stack.enter_context(psycopg.connect(self.settings.database_url, autocommit=True))

    def post_bag(self) -> list[tuple[str, Letter]]:
        """Empties the outbox; returns the messages with their targets."""
        rows = self.database.execute(
            "SELECT id, message_id, target, type, subject, sequence, body FROM outbox ORDER BY id"
        )
        bag = [
            (target, (properties_of(self.name, message_id, kind, subject, sequence), bytes(body)))
            for _, message_id, target, kind, subject, sequence, body in rows.fetchall()
        ]
        self.database.execute("DELETE FROM outbox")
        return bag


class Hospital:
    """The services of an admission.

    Attributes:
        late: Types of messages that the postman keeps back.
    """

    def __init__(self, new_database: NewDatabase, stack: ExitStack) -> None:
        self.services = {name: Service(name, new_database, stack) for name in SERVICES}
        self.late: set[str] = set()
        self._kept: list[tuple[str, Letter]] = []
        self._replied: Counter[str] = Counter()
        self.call("ward", "PUT", "/wards/W1", {"name": "West", "beds": 1})

    def call(self, service: str, method: str, path: str, body: object = None) -> Any:
        answer = self.services[service].client.open(path, method=method, json=body)
        assert answer.status_code < 300, answer.text
        return answer.get_json()

    def patient(self) -> str:
        body = {"full_name": "Ada", "date_of_birth": "1990-12-10"}
        return str(self.call("patient", "POST", "/patients", body)["patient_id"])

    def admit(self, patient_id: str) -> str:
        admission = self.call("admission", "POST", "/admissions", {"patient_id": patient_id, "ward_id": "W1"})
        assert admission["status"] == "running"
        self.carry()
        return str(admission["admission_id"])

    def admission(self, admission_id: str) -> tuple[str, str | None, list[str]]:
        """Returns status, reason and the state of each step."""
        seen = self.call("admission", "GET", f"/admissions/{admission_id}")
        assert all((step["at"] is None) == (step["state"] == "waiting") for step in seen["steps"])
        return seen["status"], seen["reason"], [step["state"] for step in seen["steps"]]

    def in_bed(self) -> list[str]:
        return [each["admission_id"] for each in self.call("ward", "GET", "/wards/W1")["reservations"]]

    def billed(self, patient_id: str) -> list[str]:
        return [entry["status"] for entry in self.call("billing", "GET", f"/accounts/{patient_id}")["entries"]]

    def is_admitted(self, patient_id: str) -> bool:
        return bool(self.call("patient", "GET", f"/patients/{patient_id}")["admitted"])

    def carry(self) -> None:
        """Carries messages, each of them twice, until no outbox has any."""
        bag, self._kept = self._kept, []
        while bag := bag + [one for service in self.services.values() for one in service.post_bag()]:
            for target, letter in bag:
                if letter[0]["type"] in self.late:
                    self._kept.append((target, letter))
                else:
                    self._hand_over(target, letter, letter)
            bag = []

    def silence(self) -> None:
        """Lets the time of every step in hand be up."""
        self.services["admission"].database.execute("UPDATE saga SET due_at = now() WHERE due_at IS NOT NULL")
        self.services["admission"].consumer.store.tend()
        self.carry()

    def confirm(self, admission_id: str, outcome: str = "done", reason: str | None = None) -> None:
        """Answers for notification."""
        saga = {"saga_id": admission_id, "step": "confirmation", "attempt": 1}
        reply = Reply.model_validate({**saga, "outcome": outcome, "reason": reason})
        self._hand_over("notification.to.admission", self._answer("notification", reply))
        self.carry()

    def reply_together(self, *replies: tuple[str, str, str]) -> None:
        """Hands (admission, step, outcome) over to the orchestrator in one batch; the participants were not asked."""
        batch = []
        for saga_id, step, outcome in replies:
            reply = Reply.model_validate({"saga_id": saga_id, "step": step, "attempt": 1, "outcome": outcome})
            batch.append(self._answer("ward", reply))
        self._hand_over("ward.to.admission", *batch)

    def begin(self) -> str:
        """Begins an admission whose messages the postman leaves where they are."""
        body = {"patient_id": str(new_id()), "ward_id": "W1"}
        return str(self.call("admission", "POST", "/admissions", body)["admission_id"])

    def _answer(self, participant: str, reply: Reply) -> Letter:
        counted = f"{participant} {reply.saga_id}"
        self._replied[counted] += 1
        place = (reply.saga_id, self._replied[counted])
        return properties_of(participant, new_id(), "Reply", *place), encode(reply)

    def _hand_over(self, log: str, *letters: Letter) -> None:
        for service in self.services.values():
            if log in service.consumer.logs:
                service.consumer.hears(log, letters)


@pytest.fixture
def hospital(new_database: NewDatabase) -> Iterator[Hospital]:
    with ExitStack() as stack:
        hospital = Hospital(new_database, stack)
        yield hospital
        for service in hospital.services.values():
            assert service.database.execute("SELECT type, error FROM parked_message").fetchall() == []


def test_a_patient_is_admitted_when_all_have_done_their_part_and_a_discharge_frees_the_bed(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    admission_id = hospital.admit(patient_id)
    assert hospital.admission(admission_id) == ("running", None, ["done", "done", "done", "running"])
    hospital.confirm(admission_id)
    assert hospital.admission(admission_id) == ("completed", None, ["done"] * 4)
    assert (hospital.in_bed(), hospital.is_admitted(patient_id)) == ([admission_id], True)
    hospital.call("patient", "POST", f"/patients/{patient_id}/discharge")
    hospital.carry()
    assert hospital.in_bed() == []


def test_an_admission_without_a_free_bed_fails_at_once(hospital: Hospital) -> None:
    hospital.admit(hospital.patient())
    late = hospital.admit(hospital.patient())
    assert hospital.admission(late) == ("failed", "no free bed", ["refused", "waiting", "waiting", "waiting"])


def test_a_held_account_undoes_the_admission_and_releases_the_bed(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    hospital.call("billing", "PUT", f"/accounts/{patient_id}/hold", {"held": True})
    status, reason, steps = hospital.admission(hospital.admit(patient_id))
    assert (status, steps) == ("failed", ["compensated", "compensated", "refused", "waiting"])
    assert reason is not None
    assert "hold" in reason or "held" in reason
    assert (hospital.in_bed(), hospital.is_admitted(patient_id), hospital.billed(patient_id)) == ([], False, [])


def test_a_second_admission_of_the_same_patient_takes_nothing_from_the_first(hospital: Hospital) -> None:
    hospital.call("ward", "PUT", "/wards/W1", {"name": "West", "beds": 2})
    patient_id = hospital.patient()
    first, second = hospital.admit(patient_id), hospital.admit(patient_id)
    assert hospital.admission(second)[:2] == ("failed", "the patient is already admitted")
    assert (hospital.in_bed(), hospital.is_admitted(patient_id)) == ([first], True)


def test_replies_that_come_together_carry_each_admission_as_far_as_one_after_the_other(hospital: Hospital) -> None:
    first, second = hospital.begin(), hospital.begin()
    hospital.reply_together(
        (first, "bed", "done"),
        (second, "bed", "refused"),
        (first, "bed", "done"),
        (str(new_id()), "bed", "done"),
        (first, "admission", "done"),
    )
    assert hospital.admission(first) == ("running", None, ["done", "done", "running", "waiting"])
    assert hospital.admission(second)[0] == "failed"
    sent = [properties["type"] for _, (properties, _) in hospital.services["admission"].post_bag()]
    assert sent == ["ReserveBed", "ReserveBed", "AdmitPatient", "AdmissionFailed", "CreateAdmissionBilling"]
    (count,) = hospital.services["admission"].database.execute("SELECT count(*) FROM saga_history").fetchone() or (0,)
    assert count == 6


@pytest.mark.parametrize("late", ["CreateAdmissionBilling", "Reply"])
def test_when_billing_seems_silent_everything_is_undone_whether_it_had_billed_or_not(
    hospital: Hospital, late: str
) -> None:
    patient_id = hospital.patient()
    hospital.late = {"CreateAdmissionBilling"}
    admission_id = hospital.admit(patient_id)
    if late == "Reply":
        hospital.late = {"Reply"}
    hospital.silence()
    assert hospital.billed(patient_id) == ([] if late == "CreateAdmissionBilling" else ["posted"])
    for _ in range(MAX_SILENT_ATTEMPTS - 1):
        hospital.silence()
    hospital.late = set()
    for _ in range(3):
        hospital.silence()
    assert hospital.admission(admission_id) == (
        "failed",
        "billing does not answer",
        ["compensated", "compensated", "compensated", "waiting"],
    )
    assert (hospital.in_bed(), hospital.is_admitted(patient_id)) == ([], False)
    assert hospital.billed(patient_id) == ["voided"]


def test_a_refused_confirmation_parks_the_admission_until_an_operator_resumes_it(hospital: Hospital) -> None:
    admission_id = hospital.admit(hospital.patient())
    hospital.confirm(admission_id, "refused", "no address")
    assert hospital.admission(admission_id) == ("parked", "no address", ["done", "done", "done", "refused"])
    settings = hospital.services["admission"].settings
    orchestrator = orchestrator_of("admission")
    assert orchestrator is not None
    with (
        psycopg.connect(settings.database_url, autocommit=True) as connection,
        transaction(connection, "admission", causation_of(None, None, None)) as tx,
    ):
        assert orchestrator.resume(tx, UUID(admission_id))
    assert hospital.admission(admission_id)[:2] == ("running", None)
    hospital.confirm(admission_id)
    assert hospital.admission(admission_id)[0] == "completed"


def test_the_admissions_of_a_patient_are_listed_in_pages_the_oldest_first(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    hospital.admit(hospital.patient())
    mine = [hospital.admit(patient_id) for _ in range(3)]
    page = hospital.call("admission", "GET", f"/admissions?patient_id={patient_id}&limit=2")
    rest = hospital.call("admission", "GET", f"/admissions?patient_id={patient_id}&cursor={page['next_cursor']}")
    assert [each["admission_id"] for each in page["items"] + rest["items"]] == mine
    assert rest["next_cursor"] is None
    assert len(hospital.call("admission", "GET", "/admissions")["items"]) == 4
