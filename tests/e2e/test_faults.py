"""Faults in a running hospital: whatever is killed, frozen or thrown in, everything holds afterwards."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from signal import SIGCONT, SIGSTOP
from typing import Any
from uuid import uuid4

import amqp
import psycopg
from kombu.connection import Connection

from audit.hospital import READS
from audit.log_parts import name_of
from demo.client import Hospital
from demo.entities import Medication, Patient, Ward
from local.hospital import Hospital as Machinery
from local.process import Process
from local.topology import SERVICES, Engine, Role
from tests.chaos.nemesis.post import Post
from tests.e2e.conftest import Audit
from tests.eventually import eventually

RUBBISH_BODY = b"\x00 not json"
RUBBISH: list[dict[str, Any]] = [
    {},
    {"message_id": "no uuid"},
    {"message_id": str(uuid4()), "type": "PatientRegistered", "app_id": "patient"},
    {
        "message_id": str(uuid4()),
        "type": "StockReserved",
        "app_id": "inventory",
        "application_headers": {"subject": str(uuid4()), "sequence": 1},
    },
]


def rush(hospital: Hospital, patients: list[Patient], medication: Medication, ward: Ward, times: int) -> None:
    """Lets many things happen at once."""

    def deed(number: int) -> None:
        patient = patients[number % len(patients)]
        if number % 3 == 0:
            hospital.admit(patient, ward)
        elif number % 3 == 1:
            hospital.rename(patient, f"Renamed {number}")
        else:
            hospital.prescribe(patient, medication)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(deed, range(times)))


def test_everything_holds_after_processes_were_killed_at_random(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    chance = random.Random(20)
    patients, medication, ward = (
        [hospital.patient() for _ in range(12)],
        hospital.medication(boxes=500),
        hospital.ward(beds=4),
    )
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(rush, hospital, patients, medication, ward, 150)
        for victim in chance.sample(machinery.processes, 8):
            before = victim.pid
            victim.crash()
            eventually(partial(runs_again, victim, before), because=f"{victim.name} is started again")
        working.result()
    machinery.wait_until_ready()
    audit.holds()


def test_a_process_that_was_killed_runs_again_within_two_seconds(machinery: Machinery) -> None:
    for service, role in (("lab", "relay"), ("billing", "consumer"), ("chart", "api")):
        process = machinery.process(service, role)
        before = process.pid
        process.crash()
        eventually(partial(runs_again, process, before), because="it is started again", within_s=2)
        command = " ".join(process.command)
        assert service in command
        assert role in command
    machinery.wait_until_ready()


def test_messages_that_come_twice_and_out_of_order_change_nothing(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    patient, medication = hospital.patient("First Name"), hospital.medication(boxes=9)
    hospital.rename(patient, "Second Name")
    prescription = hospital.prescribe(patient, medication, 3)
    hospital.eventually(prescription.is_accepted, because="there is stock")
    hospital.eventually(patient.has_chart, because="the chart has heard of the patient")
    for log in ("patient.events", "prescription.events", "inventory.events", "admission.to.ward", "ward.to.admission"):
        replay_backwards(machinery, log)
    hospital.eventually(lambda: prescription.now.patient_name == "Second Name", because="the newest name stays")
    audit.holds()
    assert medication.now.reserved == 3


def test_a_second_relay_takes_over_from_a_frozen_one_and_nothing_is_lost_or_doubled(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    first = machinery.process("patient", "relay")
    service = next(service for service in SERVICES if service.name == "patient")
    second = second_of(machinery.plan.process(service, Role.RELAY))
    second.start()
    try:
        with psycopg.connect(machinery.env["PATIENT_DATABASE_URL"], autocommit=True) as database:
            relays = "SELECT count(*) FROM outbox_relay WHERE seen_at > now() - interval '5 s'"
            eventually(lambda: count(database, relays) == 2, because="two relays share the partitions")
            first.send(SIGSTOP)
            patients = [hospital.patient() for _ in range(40)]
            eventually(
                lambda: count(database, "SELECT count(*) FROM outbox") == 0,
                because="the second takes over",
                within_s=15,
            )
            first.send(SIGCONT)
            for patient in patients:
                hospital.rename(patient, "Somebody Else")
            eventually(lambda: count(database, "SELECT count(*) FROM outbox") == 0, because="all is sent")
    finally:
        first.send(SIGCONT)
        second.stop()
    audit.holds()


def test_a_read_model_that_is_emptied_while_its_processes_stand_still_fills_itself_again_from_the_logs(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    patient = hospital.patient()
    hospital.lab_result(patient)
    hospital.eventually(
        lambda: patient.chart is not None and bool(patient.chart.lab_results), because="it has a result"
    )
    consumer, relay = machinery.process("chart", "consumer"), machinery.process("chart", "relay")
    consumer.stop()
    relay.stop()
    with psycopg.connect(machinery.env["CHART_DATABASE_URL"], autocommit=True) as database:
        tables = database.execute(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
            # What its API has told of is told: the numbers that it has given out to audit stay with it.
            "WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'infirmary_version')"
            " AND NOT starts_with(tablename, 'outbox')"
        ).fetchone()
        assert tables is not None
        database.execute(f"TRUNCATE {tables[0]}".encode())
    relay.start()
    consumer.start()
    hospital.eventually(
        lambda: patient.chart is not None and bool(patient.chart.lab_results), because="it is read again", within_s=60
    )
    audit.holds()


def test_rubbish_in_every_log_is_parked_and_disturbs_nobody(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    saga_id = str(uuid4())
    with Post(machinery.env["RABBITMQ_URL"]) as post:
        for log in sorted({name_of(stem, 0) for stems in READS.values() for stem in stems}):
            for properties in RUBBISH:
                post.deliver(log, amqp.Message(RUBBISH_BODY, **properties))
        post.command("admission.to.ward", "ReserveBed", saga_id, 1, RUBBISH_BODY)
        ids = dict.fromkeys(("saga_id", "admission_id", "patient_id"), saga_id)
        command = {**ids, "step": "bed", "attempt": 2, "reply_to": "admission", "ward_id": "nowhere"}
        post.command("admission.to.ward", "ReserveBed", saga_id, 2, command)
    with psycopg.connect(machinery.env["WARD_DATABASE_URL"], autocommit=True) as database:
        answered = f"SELECT count(*) FROM saga_outcome WHERE saga_id = '{saga_id}'"
        eventually(lambda: count(database, answered) == 1, because="a saga's later command does not wait")
    patient, medication = hospital.patient(), hospital.medication(boxes=5)
    prescription = hospital.prescribe(patient, medication)
    hospital.eventually(prescription.is_accepted, because="real messages flow on")
    for service in SERVICES:
        if service.engine is Engine.POSTGRESQL:
            with psycopg.connect(machinery.env[f"{service.name.upper()}_DATABASE_URL"], autocommit=True) as database:
                rubbish = count(database, "SELECT count(*) FROM log_reader") * len(RUBBISH)
                rubbish += service.name == "ward"
                eventually(partial(has_parked, database, rubbish), because="it is parked where it came")
    audit.holds_but_for("is no numbered message", "ReserveBed has 2, expected was 1")


def runs_again(process: Process, killed: int | None) -> bool:
    """Says whether a process runs that is not the one that was killed."""
    return process.pid not in (None, killed)


def second_of(process: Process) -> Process:
    """Returns another process of the same kind, with a port and a log of its own."""
    environment = dict(process.environment or {}) | {"METRICS_PORT": "0"}
    return replace(process, environment=environment, log_path=process.log_path.with_suffix(".second.log"))


def count(database: psycopg.Connection[Any], sql: str) -> int:
    """Returns the number that a query counts."""
    row = database.execute(sql.encode()).fetchone()
    return 0 if row is None else int(row[0])


def has_parked(database: psycopg.Connection[Any], messages: int) -> bool:
    """Says whether a service has parked so many messages that cannot be read, and nothing else."""
    unreadable = "SELECT count(*) FROM parked_message WHERE error LIKE 'MalformedMessage%'"
    return count(database, unreadable) == messages == count(database, "SELECT count(*) FROM parked_message")


def replay_backwards(machinery: Machinery, log: str) -> None:
    """Puts a copy of each message of a log behind it, the last one first."""
    with Connection(machinery.env["RABBITMQ_URL"], transport_options={"confirm_publish": True}) as connection:
        reading: Any = connection.channel()
        writing: Any = connection.channel()
        found: list[Any] = []
        reading.basic_qos(0, 1000, False)
        end = reading.queue_declare(log, passive=True).message_count
        reading.basic_consume(log, callback=found.append, arguments={"x-stream-offset": "first"})
        eventually(lambda: _drain(connection) or len(found) >= min(end, 900), because="the log is read")
        for message in reversed([each for each in found if _is_real(each)][-300:]):
            properties = {key: value for key, value in message.properties.items() if key != "application_headers"}
            headers = dict(message.properties.get("application_headers") or {})
            headers.pop("x-stream-offset", None)
            writing.basic_publish(
                amqp.Message(message.body, application_headers=headers, **properties), routing_key=log
            )


def _is_real(message: Any) -> bool:
    return "sequence" in (message.properties.get("application_headers") or {}) and message.body.startswith(b"{")


def _drain(connection: Any) -> bool:
    try:
        connection.drain_events(timeout=0.2)
    except TimeoutError:
        return False
    return False
