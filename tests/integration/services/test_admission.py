"""Admissions through the real services ward, patient and billing, each on its own PostgreSQL database.

A postman stands in for relay and broker: he takes what is in the outboxes and hands it over, or loses it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from services.chassis.cause import cause_of
from services.chassis.consumer.applying import Applier
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.postgres_ledger import PostgresLedger
from services.chassis.identifiers import new_id
from services.chassis.messages import Reply, encode
from services.chassis.nudge import Nudger
from services.chassis.processes import make_app
from services.chassis.rooms import handlers_of, orchestrator_of
from services.chassis.saga.definition import MAX_SILENT_ATTEMPTS
from services.chassis.transaction import transaction
from tests.integration.conftest import NewDatabase

SERVICES = ("admission", "ward", "patient", "billing")


class Service:
    """One service: its interface, its consumer's ledger and a look into its database."""

    def __init__(self, name: str, new_database: NewDatabase, stack: ExitStack) -> None:
        self.name, self.settings = name, new_database(name)
        app = make_app(name, self.settings)
        stack.callback(app.extensions["storage"].close)
        self.client: FlaskClient = app.test_client()
        nudger = Nudger(self.settings, name)
        stack.callback(nudger.close)
        applier = Applier(handlers_of(name), orchestrator_of(name, self.settings))
        self.ledger = PostgresLedger(name, self.settings, applier, nudger)
        stack.callback(self.ledger.close)
        self.database = stack.enter_context(psycopg.connect(self.settings.database_url, autocommit=True))

    def post_bag(self) -> list[tuple[str, Delivery]]:
        """Empties the outbox; returns the messages with their targets."""
        rows = self.database.execute(
            "SELECT id, message_id, target, type, subject, sequence, body FROM outbox ORDER BY id"
        )
        bag = [
            (target, _delivery(self.name, message_id, kind, subject, sequence, bytes(body)))
            for _, message_id, target, kind, subject, sequence, body in rows.fetchall()
        ]
        self.database.execute("DELETE FROM outbox")
        return bag


def _delivery(source: str, message_id: UUID, kind: str, subject: str, sequence: int | None, body: bytes) -> Delivery:
    headers = {"subject": subject} | ({} if sequence is None else {"sequence": sequence})
    properties = {"message_id": str(message_id), "app_id": source, "type": kind, "application_headers": headers}
    return Delivery(properties, body, tag=1)


class Hospital:
    """The services of an admission.

    Attributes:
        lost: Types of messages that the postman loses.
    """

    def __init__(self, new_database: NewDatabase, stack: ExitStack) -> None:
        self.services = {name: Service(name, new_database, stack) for name in SERVICES}
        self.lost: set[str] = set()
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
        while bags := [one for service in self.services.values() for one in service.post_bag()]:
            for target, delivery in bags:
                if delivery.properties["type"] not in self.lost:
                    self._hand_over(target, delivery)
                    self._hand_over(target, delivery)

    def silence(self) -> None:
        """Lets the time of every step in hand be up."""
        self.services["admission"].database.execute("UPDATE saga SET due_at = now() WHERE due_at IS NOT NULL")
        self.services["admission"].ledger.tend()
        self.carry()

    def confirm(self, admission_id: str, outcome: str = "done", reason: str | None = None) -> None:
        """Answers for notification."""
        saga = {"saga_id": admission_id, "step": "confirmation", "attempt": 1}
        reply = Reply.model_validate({**saga, "outcome": outcome, "reason": reason})
        delivery = _delivery("notification", new_id(), "Reply", admission_id, None, encode(reply))
        self._hand_over("admission.inbox", delivery)
        self.carry()

    def reply_together(self, *replies: tuple[str, str, str]) -> None:
        """Hands (admission, step, outcome) over to the orchestrator in one batch; the participants were not asked."""
        batch = []
        for saga_id, step, outcome in replies:
            reply = Reply.model_validate({"saga_id": saga_id, "step": step, "attempt": 1, "outcome": outcome})
            batch.append(_delivery("ward", new_id(), "Reply", saga_id, None, encode(reply)))
        self.services["admission"].ledger.apply_inbox("admission.inbox", batch)

    def begin(self) -> str:
        """Begins an admission whose messages the postman leaves where they are."""
        body = {"patient_id": str(new_id()), "ward_id": "W1"}
        return str(self.call("admission", "POST", "/admissions", body)["admission_id"])

    def _hand_over(self, target: str, delivery: Delivery) -> None:
        service, _, kind = target.partition(".")
        if kind == "inbox" and service in self.services:
            self.services[service].ledger.apply_inbox(target, [delivery])
        elif target == "patient.events":
            ledger = self.services["ward"].ledger
            position = ledger.position(target)
            offset = 0 if position.last_offset is None else position.last_offset + 1
            ledger.apply_log(target, [Delivery(delivery.properties, delivery.body, tag=1, offset=offset)], position)


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
    sent = [delivery.properties["type"] for _, delivery in hospital.services["admission"].post_bag()]
    assert sent == ["ReserveBed", "ReserveBed", "AdmitPatient", "AdmissionFailed", "CreateAdmissionBilling"]
    (count,) = hospital.services["admission"].database.execute("SELECT count(*) FROM saga_history").fetchone() or (0,)
    assert count == 6


@pytest.mark.parametrize("lost", ["CreateAdmissionBilling", "Reply"])
def test_when_billing_seems_silent_everything_is_undone_whether_it_had_billed_or_not(
    hospital: Hospital, lost: str
) -> None:
    patient_id = hospital.patient()
    hospital.lost = {"CreateAdmissionBilling"}
    admission_id = hospital.admit(patient_id)
    hospital.lost = {lost}
    for _ in range(MAX_SILENT_ATTEMPTS):
        hospital.silence()
    hospital.lost = set()
    for _ in range(3):
        hospital.silence()
    assert hospital.admission(admission_id) == (
        "failed",
        "billing does not answer",
        ["compensated", "compensated", "compensated", "waiting"],
    )
    billed = [] if lost == "CreateAdmissionBilling" else ["voided"]
    assert (hospital.in_bed(), hospital.is_admitted(patient_id), hospital.billed(patient_id)) == ([], False, billed)


def test_a_refused_confirmation_parks_the_admission_until_an_operator_resumes_it(hospital: Hospital) -> None:
    admission_id = hospital.admit(hospital.patient())
    hospital.confirm(admission_id, "refused", "no address")
    assert hospital.admission(admission_id) == ("parked", "no address", ["done", "done", "done", "refused"])
    settings = hospital.services["admission"].settings
    orchestrator = orchestrator_of("admission", settings)
    assert orchestrator is not None
    with (
        psycopg.connect(settings.database_url, autocommit=True) as connection,
        transaction(connection, "admission", cause_of(None, None, None)) as tx,
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
