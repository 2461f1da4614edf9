"""One admission is one trace from its POST to AdmissionCompleted, a relay killed in between or not: read in Zipkin."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from audit.addresses import services_in
from audit.client import bearer
from audit.hospital import HOSPITAL
from audit.logs import LogTail
from audit.reads import logs_of
from demo.client import Hospital
from demo.entities import Ward
from infirmary.access.records import AccessRecorded
from infirmary.messages import Reply
from local.hospital import Hospital as Machinery
from local.hospital import running_hospital
from local.rundir import REPOSITORY
from local.servers.sources import find_program
from local.servers.zipkin import JAR_VARIABLE, ZipkinServer, find_java, zipkin_for
from tests.eventually import eventually

Span = dict[str, Any]

HISTORY = "SELECT happened, status, sent FROM saga_history WHERE saga_id = %s ORDER BY id"
READ = {Reply.__name__, AccessRecorded.__name__} | {
    schema.stem.partition(".")[2] for schema in (REPOSITORY / "services").glob("*/schemas/reads/*.json")
}
"""The types of messages that some service reads."""

LOGS = logs_of(services_in({}, always=HOSPITAL))
INVOLVED = {
    ("admission", "api"),
    *((service, role) for service in ("admission", "ward", "patient", "billing") for role in ("consumer", "relay")),
    ("notification", "consumer"),
    ("notification", "relay"),
    ("chart", "consumer"),
    ("audit", "consumer"),
}


@pytest.fixture(scope="module")
def zipkin(tmp_path_factory: pytest.TempPathFactory) -> ZipkinServer:
    """A Zipkin, not yet started."""
    if find_java() is None or not (os.environ.get(JAR_VARIABLE) or find_program("mvn")):
        pytest.skip("Zipkin needs a Java, and Maven or ZIPKIN_JAR to come from")
    server = zipkin_for(tmp_path_factory.mktemp("zipkin") / "zipkin.log", print)
    assert server is not None
    return server


@pytest.fixture(scope="module")
def machinery(tmp_path_factory: pytest.TempPathFactory, zipkin: ZipkinServer) -> Iterator[Machinery]:
    """A hospital whose processes send their traces to it."""
    folder: Path = tmp_path_factory.mktemp("traced")
    with running_hospital(folder, announce=print, zipkin=zipkin) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def hospital(machinery: Machinery) -> Iterator[Hospital]:
    """What people do in it."""
    with Hospital(machinery.env) as client:
        yield client


class Traced:
    """An admission that was asked for in a trace of ours."""

    def __init__(self, machinery: Machinery, hospital: Hospital, ward: Ward) -> None:
        self.machinery = machinery
        self.trace, self.span, self.correlation_id = uuid4().hex, uuid4().hex[:16], f"traced-{uuid4().hex}"
        patient = hospital.patient()
        hospital.eventually(patient.has_chart, because="a registration reaches the chart")
        headers = {
            "traceparent": f"00-{self.trace}-{self.span}-01",
            "X-Correlation-ID": self.correlation_id,
            "Idempotency-Key": self.trace,
            **bearer(machinery.env),
        }
        answer = httpx.post(
            f"{machinery.url('admission')}/admissions",
            json={"patient_id": str(patient.patient_id), "ward_id": ward.ward_id},
            headers=headers,
        )
        assert answer.status_code == 202, answer.text
        self.admission_id = answer.json()["admission_id"]

    def has_completed(self) -> bool:
        """Says whether the saga has ended well."""
        url = f"{self.machinery.url('admission')}/admissions/{self.admission_id}"
        return bool(httpx.get(url, headers=bearer(self.machinery.env)).json()["status"] == "completed")

    def spans(self) -> list[Span]:
        """Returns the trace as soon as its last message has been applied by its last reader."""
        zipkin = self.machinery.zipkin
        assert zipkin is not None

        def whole() -> list[Span]:
            found = zipkin.trace(self.trace)
            ends = [span for span in found if "AdmissionCompleted" in span["tags"].get("infirmary.message.type", "")]
            sent = {span["tags"].get("messaging.destination.name") for span in of_operation("send", found)}
            return found if len(ends) == 2 and "admission.events" in sent and process_of(found) >= INVOLVED else []

        return eventually(whole, because="the whole trace is in Zipkin", within_s=60)

    def history(self) -> list[tuple[str, ...]]:
        """Returns what has happened to the saga."""
        with psycopg.connect(self.machinery.env["ADMISSION_DATABASE_URL"]) as connection:
            return connection.execute(HISTORY, (self.admission_id,)).fetchall()

    def messages(self) -> dict[str, str]:
        """Returns the messages that the logs hold with the admission's correlation id: their types, by id."""
        tail = LogTail(self.machinery.env["RABBITMQ_URL"], LOGS, correlated=self.correlation_id)
        try:
            assert tail.read(for_s=1, at_most_s=20)
        finally:
            tail.close()
        return {str(each.message_id): each.type for messages in tail.messages.values() for each in messages}


def of_operation(operation: str, spans: list[Span]) -> list[Span]:
    return [span for span in spans if span["tags"].get("messaging.operation.name") == operation]


def process_of(spans: list[Span]) -> set[tuple[str, str]]:
    return {(span["localEndpoint"]["serviceName"], span["tags"]["infirmary.role"]) for span in spans}


def check(admission: Traced) -> list[Span]:
    """Asserts that the trace is one tree that tells what the database and the logs tell, and returns its spans."""
    spans = admission.spans()
    ids = {span["id"] for span in spans}
    roots = [span for span in spans if span["parentId"] not in ids]
    assert [(span["name"], span["parentId"]) for span in roots] == [("post /admissions", admission.span)]

    tags = [span["tags"] for span in sorted(spans, key=lambda span: span["timestamp"] + span.get("duration", 0))]
    told = [
        tuple(each.get(f"infirmary.saga.{name}", "") for name in ("happened", "status", "sent"))
        for each in tags
        if each.get("infirmary.saga.id") == admission.admission_id
    ]
    assert Counter(told) == Counter(admission.history())

    created = of_operation("create", spans)
    messages = admission.messages()
    assert messages == {
        span["tags"]["messaging.message.id"]: span["tags"]["infirmary.message.type"] for span in created
    }
    assert {"BedReserved", "PatientAdmitted", "AdmissionBilled", "NotificationSent", "AdmissionCompleted"} <= set(
        messages.values()
    )
    applied = Counter(span["tags"]["messaging.message.id"] for span in of_operation("process", spans))
    assert set(applied) == {
        span["tags"]["messaging.message.id"] for span in created if span["tags"]["infirmary.message.type"] in READ
    }, "each is applied by whoever reads messages of its type"
    commands = [span for span in created if ".to." in span["tags"]["messaging.destination.name"]]
    assert {applied[span["tags"]["messaging.message.id"]] for span in commands} == {1}, "each is applied once"
    assert {span["tags"]["messaging.message.conversation_id"] for span in created} == {admission.correlation_id}
    return spans


def test_an_admission_is_one_trace_over_all_processes(machinery: Machinery, hospital: Hospital) -> None:
    admission = Traced(machinery, hospital, hospital.ward())
    hospital.eventually(admission.has_completed, because="there is a bed")
    assert process_of(check(admission)) == INVOLVED


def test_it_is_so_when_a_relay_is_killed_in_between(machinery: Machinery, hospital: Hospital) -> None:
    relay, ward = machinery.process("ward", "relay"), hospital.ward()
    with psycopg.connect(machinery.env["WARD_DATABASE_URL"], autocommit=True) as database:

        def waiting() -> list[str]:
            return [subject for (subject,) in database.execute("SELECT subject FROM outbox").fetchall()]

        # Messages of one window share a span, which is in a trace only where all of them are.
        eventually(lambda: waiting() == [], because="the ward itself is told of")
        relay.kill()
        admission = Traced(machinery, hospital, ward)
        eventually(lambda: admission.admission_id in waiting(), because="ward's reply waits for its relay")
    relay.start()
    hospital.eventually(admission.has_completed, because="the relay goes on", within_s=60)
    assert ("ward", "relay") in process_of(check(admission))
