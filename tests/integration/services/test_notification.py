"""Notification on a real database: one notification for each cause, listed by patient."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.identifiers import new_id
from infirmary.messages import Message, encode
from infirmary.mongo.schema import create_collections
from infirmary.mongo.store import MongoStore
from infirmary.processes import make_app
from infirmary.settings import Settings
from services.notification.handlers import handlers
from services.notification.messages import LabResultRecorded, PrescriptionRejected, SendAdmissionConfirmation

PATIENT = new_id()


class Notification:
    """The service on a fresh database: what it is told, and what it answers."""

    def __init__(self, settings: Settings) -> None:
        create_collections("notification", settings)
        dispatcher = Dispatcher(handlers)
        self.store = MongoStore("notification", settings, dispatcher, new_id())
        self.applier = Applier(self.store, dispatcher.handles, dispatcher.series, settings.saga_sequence_days)
        self.app = make_app("notification", settings)
        self.client: FlaskClient = self.app.test_client()
        self._tag = 0
        self._asked: Counter[UUID] = Counter()

    def hears(self, source: str, event: Message, subject: UUID) -> None:
        """Applies the first event of a subject, alone in its log."""
        self._apply(f"{source}.events", self._delivery(source, event, subject, 1))

    def is_asked(self, command: SendAdmissionConfirmation) -> None:
        """Applies the next command of a saga."""
        self._asked[command.saga_id] += 1
        sequence = self._asked[command.saga_id]
        self._apply("admission.to.notification", self._delivery("admission", command, command.saga_id, sequence))

    def _apply(self, log: str, delivery: Delivery) -> None:
        assert self.store.positions.own(log)
        position = self.store.positions.read(log)
        known = position if position.last_offset is not None else Position(first_offset=0)
        self.applier.apply(log, [delivery], known)

    def lists(self, **query: Any) -> dict[str, Any]:
        """Asks for a list."""
        answer = self.client.get("/notifications", query_string=query)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.get_json()
        return found

    def close(self) -> None:
        """Ends all connections."""
        self.store.close()
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
def notification(mongodb: Callable[[str], str]) -> Iterator[Notification]:
    """The service on a fresh database."""
    service = Notification(Settings(database_url=mongodb(f"notifications_{new_id().hex}")))
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


def test_a_list_holds_one_patients_notifications_in_pages(notification: Notification) -> None:
    for patient_id in (PATIENT, new_id(), PATIENT, PATIENT):
        notification.is_asked(confirmation(new_id(), patient_id, 1))
    first = notification.lists(patient_id=PATIENT, limit=2)
    second = notification.lists(patient_id=PATIENT, limit=2, cursor=first["next_cursor"])
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (2, 1, None)
    assert len(notification.lists()["items"]) == 4


def test_a_list_is_unavailable_while_the_database_is_away(unused_port: int) -> None:
    app = make_app("notification", Settings(database_url=f"mongodb://127.0.0.1:{unused_port}/notifications"))
    answer = app.test_client().get("/notifications")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/healthz").status_code == 200
    app.extensions["storage"].close()
