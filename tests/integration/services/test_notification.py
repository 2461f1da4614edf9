"""Notification on a real database: one notification for each cause, listed by patient."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from pydantic_core import from_json
from pymongo import MongoClient

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.http.on_record import close_record
from infirmary.identifiers import new_id
from infirmary.messages import Command, Message, encode
from infirmary.mongo.parked import MongoParked
from infirmary.mongo.schema import create_collections
from infirmary.mongo.storage import connect
from infirmary.mongo.store import MongoStore
from infirmary.mongo.transaction import MongoTransaction
from infirmary.process_roles import Process
from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.transport.envelope import MalformedMessage
from services.notification import model
from services.notification.documents import documents
from services.notification.handlers import handlers
from services.notification.messages import (
    EraseFromNotifications,
    LabResultRecorded,
    NotificationSent,
    PrescriptionRejected,
    SendAdmissionConfirmation,
)
from services.notification.restoring import note
from tests.integration.mongodb_rights import MongoAs

PATIENT = new_id()
FIELDS = {field.name for field in fields(model.Notification)}


class Notification:
    """The service on a fresh database: what it is told, and what it answers."""

    def __init__(self, settings: Settings, of_api: Settings) -> None:
        self.url = settings.as_owner().database_url
        create_collections("notification", settings)
        dispatcher = Dispatcher(handlers)
        self.store = MongoStore("notification", settings, dispatcher, new_id())
        self.applier = Applier(self.store, dispatcher.handles, dispatcher.series, settings.saga_sequence_days)
        self.app = make_app("notification", of_api)
        self.client: FlaskClient = self.app.test_client()
        self._mongo = connect(settings, "test")
        self._database = self._mongo.get_default_database()
        self._tag = 0
        self._asked: Counter[UUID] = Counter()

    def hears(self, source: str, event: Message, subject: UUID) -> None:
        """Applies the first event of a subject, alone in its log."""
        self._apply(f"{source}.events", self._delivery(source, event, subject, 1))

    def is_asked(self, command: Command) -> None:
        """Applies the next command of a saga."""
        self._asked[command.saga_id] += 1
        sequence, asks = self._asked[command.saga_id], command.reply_to
        self._apply(f"{asks}.to.notification", self._delivery(asks, command, command.saga_id, sequence))

    def _apply(self, log: str, delivery: Delivery) -> None:
        assert self.store.positions.own(log)
        position = self.store.positions.read(log)
        known = position if position.last_offset is not None else Position(first_offset=0)
        self.applier.apply(log, [delivery], known)

    def documents(self) -> list[dict[str, Any]]:
        """Returns all that is stored, as it is stored."""
        client: MongoClient[dict[str, Any]] = MongoClient(self.url, uuidRepresentation="standard", tz_aware=True)
        with client:
            return list(client.get_default_database()[documents.collection].find({}))

    def lists(self, **query: Any) -> dict[str, Any]:
        """Asks for a list."""
        answer = self.client.get("/notifications", query_string=query)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.get_json()
        return found

    def answered(self, saga_id: UUID) -> list[str]:
        """Returns the outcomes of a saga's commands."""
        found = self._database["notifications"].find({"saga_answer.saga_id": saga_id})
        return [each["saga_answer"]["outcome"] for each in found]

    def holds(self, body: bytes) -> None:
        """Parks a message that nobody can read."""
        refused = MalformedMessage("the body is no JSON")
        MongoParked(self._database).hold("lab.events", Delivery({"message_id": str(new_id())}, body, 1, 1), refused)

    def held(self) -> list[bytes]:
        """Returns the bodies of the parked messages, oldest first."""
        return [held.body for held in MongoParked(self._database).everything()]

    def close(self) -> None:
        """Ends all connections."""
        self.store.close()
        self._mongo.close()
        self.app.extensions["storage"].close()

    def _delivery(self, source: str, message: Message, subject: UUID, sequence: int) -> Delivery:
        self._tag += 1
        properties = {
            "message_id": str(new_id()),
            "app_id": source,
            "type": type(message).__name__,
            "application_headers": {"subject": str(subject), "sequence": sequence},
        }
        return Delivery(properties, encode(message), self._tag, self._tag)


@pytest.fixture
def notification(mongodb_as: MongoAs) -> Iterator[Notification]:
    """The service on a fresh database."""
    name = f"notifications_{new_id().hex}"
    service = Notification(mongodb_as(name, Process.CONSUMER), mongodb_as(name, Process.API))
    yield service
    service.close()


def result(critical: bool) -> LabResultRecorded:
    """Returns a lab result."""
    return LabResultRecorded(
        lab_result_id=new_id(), patient_id=PATIENT, test="potassium", value="6.8", unit="mmol/l", critical=critical
    )


def confirmation(saga_id: UUID, patient_id: UUID, attempt: int) -> SendAdmissionConfirmation:
    """Returns an attempt at the last step of an admission."""
    return SendAdmissionConfirmation(
        saga_id=saga_id,
        step="confirmation",
        attempt=attempt,
        reply_to="admission",
        admission_id=saga_id,
        patient_id=patient_id,
        ward_id="w1",
    )


def test_critical_results_and_rejections_are_told_and_nothing_else(notification: Notification) -> None:
    critical, harmless = result(critical=True), result(critical=False)
    rejected = PrescriptionRejected(
        prescription_id=new_id(), patient_id=PATIENT, medication_code="asp", reason="out of stock"
    )
    for each in (critical, harmless):
        notification.hears("lab", each, each.lab_result_id)
    notification.hears("prescription", rejected, rejected.prescription_id)
    told = [(item["kind"], UUID(item["reference_id"])) for item in notification.lists(patient_id=PATIENT)["items"]]
    assert told == [
        ("critical_lab_result", critical.lab_result_id),
        ("prescription_rejected", rejected.prescription_id),
    ]


def test_an_admission_is_confirmed_once_however_often_it_is_asked_for(notification: Notification) -> None:
    saga_id = new_id()
    for attempt in (1, 2, 3):
        notification.is_asked(confirmation(saga_id, PATIENT, attempt))
    (item,) = notification.lists(patient_id=PATIENT)["items"]
    assert (item["kind"], item["reference_id"]) == ("admission_confirmed", str(saga_id))
    assert item["text"] == "Your admission to ward w1 is confirmed."


def test_a_notification_is_made_again_from_what_was_said_of_it(notification: Notification) -> None:
    saga_id, cause = new_id(), new_id()
    notification.is_asked(confirmation(saga_id, PATIENT, 1))
    (stored,) = notification.documents()
    told = next(each for each in stored["outbox"] if each["type"] == "NotificationSent")
    tx = MongoTransaction("notification", cause)
    tx.written_at = "2001-02-03T04:05:06+00:00"
    note(NotificationSent.model_validate_json(told["body"]), tx)
    made = tx.document()
    assert tx.messages == []
    assert {name: made[name] for name in FIELDS - {"at"}} == {name: stored[name] for name in FIELDS - {"at"}}
    assert abs(made["at"] - stored["at"]) < timedelta(milliseconds=1)


def test_a_notification_that_was_sent_without_its_time_is_from_when_that_was_said(notification: Notification) -> None:
    notification.is_asked(confirmation(new_id(), PATIENT, 1))
    (stored,) = notification.documents()
    told = next(each for each in stored["outbox"] if each["type"] == "NotificationSent")
    sent = NotificationSent.model_validate_json(told["body"])
    tx = MongoTransaction("notification", new_id())
    tx.written_at = "2001-02-03T04:05:06+00:00"
    note(sent.model_copy(update={"at": None}), tx)
    assert tx.document()["at"] == datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_a_list_holds_one_patients_notifications_in_pages(notification: Notification) -> None:
    for patient_id in (PATIENT, new_id(), PATIENT, PATIENT):
        notification.is_asked(confirmation(new_id(), patient_id, 1))
    first = notification.lists(patient_id=PATIENT, limit=2)
    second = notification.lists(patient_id=PATIENT, limit=2, cursor=first["next_cursor"])
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)
    assert len(notification.lists()["items"]) == 4


def test_of_a_parked_message_that_names_an_erased_patient_and_cannot_be_read_nothing_is_left(
    notification: Notification,
) -> None:
    others = f"{new_id()} Grace".encode()
    notification.holds(f"{PATIENT} Zenobia".encode())
    notification.holds(others)
    asked = {"saga_id": new_id(), "step": "notification", "attempt": 1, "reply_to": "patient"}
    notification.is_asked(EraseFromNotifications(patient_id=PATIENT, **asked))
    assert notification.held() == [b"", others]


def test_what_an_erased_patient_was_told_is_forgotten_and_answered_for(notification: Notification) -> None:
    for patient_id in (PATIENT, new_id(), PATIENT):
        notification.is_asked(confirmation(new_id(), patient_id, 1))
    saga_id = new_id()
    for attempt in (1, 2):
        asked = {"saga_id": saga_id, "step": "notification", "attempt": attempt, "reply_to": "patient"}
        notification.is_asked(EraseFromNotifications(patient_id=PATIENT, **asked))
    texts = {item["patient_id"]: item["text"] for item in notification.lists()["items"]}
    assert texts.pop(str(PATIENT)) == "erased"
    assert list(texts.values()) == ["Your admission to ward w1 is confirmed."]
    assert notification.answered(saga_id) == ["done", "done"]


def test_a_list_is_unavailable_while_the_database_is_away(unused_port: int) -> None:
    app = make_app("notification", Settings(database_url=f"mongodb://127.0.0.1:{unused_port}/notifications"))
    answer = app.test_client().get("/notifications")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/healthz").status_code == 200
    app.extensions["storage"].close()


def test_what_was_seen_is_on_record_in_a_document_of_its_own(mongodb_as: MongoAs, tmp_path: Path) -> None:
    of_api = mongodb_as(f"notifications_{new_id().hex}", Process.API)
    settings = of_api.model_copy(update={"access_recorded_by": "audit", "access_spool": tmp_path / "spool"})
    create_collections("notification", settings)
    app = make_app("notification", settings)
    client = app.test_client()
    for path in (f"/notifications?patient_id={PATIENT}", "/notifications"):
        assert client.get(path).get_json()["items"] == []
    close_record(app)
    app.extensions["storage"].close()
    with MongoClient[dict[str, Any]](settings.as_owner().database_url) as mongo:
        database = mongo.get_default_database()
        (track,) = database[documents.collection].find()
        told = [(row["target"], row["sequence"], from_json(row["body"])["accesses"]) for row in track["outbox"]]
        assert database["outbox_log"].find_one({"_id": "notification.to.audit"}) is not None
    assert [(target, sequence) for target, sequence, _ in told] == [
        ("notification.to.audit", number) for number in range(1, len(told) + 1)
    ]
    of_one, of_all = (access for _, _, accesses in told for access in accesses)
    assert (of_one["person"], of_one["several"], of_one["identified"]) == (str(PATIENT), False, False)
    assert (of_all["person"], of_all["several"], of_all["status"]) == (None, True, 200)
