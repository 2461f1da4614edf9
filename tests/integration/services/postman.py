"""Services on databases of their own, and a postman in place of relay and broker.

He takes what is in the outboxes and hands it over, or keeps it back.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from flask.testing import FlaskClient

from infirmary.identifiers import new_id
from infirmary.messages import Reply, encode
from infirmary.processes import make_app
from infirmary.settings import Settings
from infirmary.testing import Handed, HandFedConsumer, message
from infirmary.transport.log_names import events_of
from tests.integration.conftest import NewDatabase

SERVICES = ("admission", "ward", "patient", "billing")


@dataclass(frozen=True)
class Said:
    """An event as a service's log has it."""

    type: str
    subject: str
    sequence: int
    body: bytes
    written_at: datetime


class Service:
    """One service: its interface, its consumer and a look into its database.

    Attributes:
        said: The events that the postman has taken from it, in their order.
    """

    def __init__(self, name: str, settings: Settings, stack: ExitStack) -> None:
        self.name, self.settings = name, settings
        app = make_app(name, self.settings)
        stack.callback(app.extensions["storage"].close)
        self.client: FlaskClient = app.test_client()
        self.consumer = HandFedConsumer(name, self.settings)
        stack.callback(self.consumer.close)
        self.database = stack.enter_context(psycopg.connect(self.settings.as_owner().database_url, autocommit=True))
        self.said: list[Said] = []

    def post_bag(self) -> list[tuple[str, Handed]]:
        """Empties the outbox; returns the messages with their targets."""
        rows = self.database.execute(
            "SELECT message_id, target, created_at, type, subject, sequence, body FROM outbox ORDER BY id"
        )
        bag = []
        for message_id, target, written_at, kind, subject, sequence, body in rows.fetchall():
            known = {"subject": subject, "sequence": sequence, "message_id": message_id}
            bag.append((target, message(self.name, kind, bytes(body), **known)))
            if target == events_of(self.name):
                self.said.append(Said(kind, subject, sequence, bytes(body), written_at))
        self.database.execute("DELETE FROM outbox")
        return bag


class Hospital:
    """The services of an admission.

    Attributes:
        late: Types of messages that the postman keeps back.
    """

    def __init__(self, new_database: NewDatabase, stack: ExitStack, services: Sequence[str] = SERVICES) -> None:
        # All databases first: on a busy machine they take longer than a consumer's session may be idle.
        settings = {name: new_database(name) for name in services}
        self.services = {name: Service(name, each, stack) for name, each in settings.items()}
        self.late: set[str] = set()
        self._kept: list[tuple[str, Handed]] = []
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

    def reply_together(self, *replies: tuple[str, str]) -> None:
        """Hands ward's answers (admission, outcome) over to the orchestrator in one batch; ward was not asked."""
        batch = []
        for saga_id, outcome in replies:
            reply = Reply.model_validate({"saga_id": saga_id, "step": "bed", "attempt": 1, "outcome": outcome})
            batch.append(self._answer("ward", reply))
        self._hand_over("ward.to.admission", *batch)

    def begin(self) -> str:
        """Begins an admission whose messages the postman leaves where they are."""
        body = {"patient_id": str(new_id()), "ward_id": "W1"}
        return str(self.call("admission", "POST", "/admissions", body)["admission_id"])

    def _answer(self, participant: str, reply: Reply) -> Handed:
        counted = f"{participant} {reply.saga_id}"
        self._replied[counted] += 1
        number = self._replied[counted]
        return message(participant, "Reply", encode(reply), subject=reply.saga_id, sequence=number)

    def _hand_over(self, log: str, *letters: Handed) -> None:
        for service in self.services.values():
            if log in service.consumer.logs:
                service.consumer.apply(log, *letters)
