"""State told again through the outbox: online, resumable, under the numbers that were given out, on both databases."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from benchmarks.targets import disown
from infirmary import registry
from infirmary.identifiers import new_id
from infirmary.incarnation import DatabaseSetBack
from infirmary.mongo.republishing import MongoRepublisher
from infirmary.mongo.schema import create_collections
from infirmary.mongo.storage import connect
from infirmary.mongo.transaction import MongoTransaction
from infirmary.postgres.republishing import GoneOn, PostgresRepublisher
from infirmary.postgres.transaction import Query, transaction
from infirmary.process_roles import Process
from infirmary.processes import make_app
from infirmary.republishing.declaration import Kind
from infirmary.republishing.running import run
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from infirmary.transport.write_options import WriteOptions
from infirmary_streams.received import received
from infirmary_streams.sections import with_body
from services.__main__ import cli
from services.lab.model import LabResult, recorded
from services.lab.store import insert
from services.notification import model, store
from services.notification.documents import documents
from services.patient.handlers import admit_patient
from services.patient.messages import AdmitPatient
from tests.integration.conftest import NewDatabase
from tests.integration.mongodb_rights import MongoAs
from tests.integration.relay.broker import Broker
from tests.integration.relay.process import RelayProcess

ON_POSTGRES = ("patient", "prescription", "inventory", "billing", "ward", "lab", "admission")


def kinds_of(service: str) -> dict[str, Kind]:
    kinds: dict[str, Kind] = registry.room(service, "republishing").republishing.kinds
    return kinds


class Patients:
    """Patient with some patients, and its outbox."""

    def __init__(self, settings: Settings, client: FlaskClient) -> None:
        self.settings, self.client = settings, client
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)
        self.republisher = PostgresRepublisher(self.database, "patient", WriteOptions())

    def register(self, name: str) -> UUID:
        body = {"full_name": name, "date_of_birth": "1990-01-01"}
        return UUID(self.client.post("/patients", json=body).get_json()["patient_id"])

    def rename(self, patient_id: UUID, name: str) -> None:
        assert self.client.put(f"/patients/{patient_id}/name", json={"full_name": name}).status_code == 200

    def admit(self, patient_id: UUID) -> UUID:
        admission_id = new_id()
        fields = {"saga_id": admission_id, "step": "admission", "attempt": 1, "reply_to": "admission"}
        of_it = {"patient_id": patient_id, "admission_id": admission_id, "ward_id": "W1"}
        with transaction(self.database, "patient", causation_of(None, None, None)) as tx:
            admit_patient(AdmitPatient.model_validate(fields | of_it), tx)
        return admission_id

    def published(self) -> None:
        """Lets the relay have published everything."""
        self.database.execute("DELETE FROM outbox")

    def told(self) -> list[tuple[str, str, int, int | None, dict[str, Any]]]:
        """Returns type, subject, sequence, state and body of what is in the outbox."""
        rows = self.database.execute("SELECT type, subject, sequence, header, body FROM outbox ORDER BY id").fetchall()
        found = []
        for kind, subject, sequence, header, body in rows:
            headers = received(with_body(header, body)).properties["application_headers"]
            assert headers["sequence"] == sequence
            found.append((kind, subject, sequence, headers.get("state"), json.loads(body)))
        return found

    def sequences(self) -> dict[str, int]:
        return dict(self.database.execute("SELECT subject, last FROM outbox_sequence").fetchall())


@pytest.fixture
def patients(new_database: NewDatabase) -> Iterator[Patients]:
    """Patient on a fresh database."""
    settings = new_database("patient")
    app = make_app("patient", settings)
    patients = Patients(settings, app.test_client())
    yield patients
    patients.database.close()
    app.extensions["storage"].close()


def test_a_patient_is_told_as_of_now_under_the_last_number_and_no_number_is_given_out(patients: Patients) -> None:
    at_home, inside = patients.register("Ada"), patients.register("Bea")
    patients.rename(at_home, "Ada Lovelace")
    admission_id = patients.admit(inside)
    before = patients.sequences()
    patients.published()
    kind = kinds_of("patient")["patients"]
    progress = patients.republisher.tell(kind, patients.republisher.begin(kind), 100)
    assert (progress.aggregates, progress.messages, progress.done) == (2, 3, True)
    (first, subject, sequence, state, body), registered, admitted = patients.told()
    assert (first, subject, sequence, state) == ("PatientRegistered", str(at_home), 2, 1)
    assert (body["full_name"], body["version"]) == ("Ada Lovelace", 2)
    assert registered[:4] == ("PatientRegistered", str(inside), 2, 2)
    assert admitted[:4] == ("PatientAdmitted", str(inside), 2, 1)
    assert (admitted[4]["admission_id"], admitted[4]["ward_id"]) == (str(admission_id), "W1")
    assert patients.sequences() == before


def test_a_patient_who_has_gone_home_is_told_without_an_admission(patients: Patients) -> None:
    patient_id = patients.register("Ada")
    admission_id = patients.admit(patient_id)
    assert patients.client.post(f"/patients/{patient_id}/discharge").status_code == 200
    patients.published()
    kind = kinds_of("patient")["patients"]
    patients.republisher.tell(kind, patients.republisher.begin(kind), 100)
    *_, discharged = patients.told()
    assert discharged[:4] == ("PatientDischarged", str(patient_id), 3, 1)
    assert discharged[4]["admission_id"] == str(admission_id)


def test_who_is_ended_goes_on_where_it_was_and_two_at_once_are_refused(patients: Patients) -> None:
    ids = [str(patients.register(f"Patient {number}")) for number in range(5)]
    patients.published()
    kind = kinds_of("patient")["patients"]
    begun = patients.republisher.begin(kind)
    patients.republisher.tell(kind, begun, 2)
    with pytest.raises(GoneOn):
        patients.republisher.tell(kind, begun, 2)
    with psycopg.connect(patients.settings.as_owner().database_url, autocommit=True) as another:
        other = PostgresRepublisher(another, "patient", WriteOptions())
        progress = other.progress()["patients"]
        while not progress.done:
            progress = other.tell(kind, progress, 2)
    assert [subject for _, subject, *_ in patients.told()] == ids


def test_whoever_changes_a_patient_meanwhile_is_numbered_behind_what_is_told(patients: Patients) -> None:
    patient_id = patients.register("Ada")
    patients.published()
    kind = kinds_of("patient")["patients"]
    patients.republisher.tell(kind, patients.republisher.begin(kind), 100)
    patients.rename(patient_id, "Bea")
    assert [(kind, sequence) for kind, _, sequence, *_ in patients.told()] == [
        ("PatientRegistered", 1), ("PatientNameChanged", 2),
    ]  # fmt: skip


def test_what_has_ended_and_is_forgotten_is_told_under_the_first_number_of_a_new_row(new_database: NewDatabase) -> None:
    kind = kinds_of("lab")["results"]
    with psycopg.connect(new_database("lab").database_url, autocommit=True) as database:
        result_id, forgotten_id = str(record(database)), str(record(database))
        database.execute("DELETE FROM outbox")
        database.execute("DELETE FROM outbox_sequence WHERE subject = %s", (forgotten_id,))
        database.execute("DELETE FROM ended_subject WHERE subject = %s", (forgotten_id,))
        database.execute("UPDATE outbox_sequence SET last = 4")
        database.execute("UPDATE ended_subject SET ended_at = '2026-01-01'")
        republisher = PostgresRepublisher(database, "lab", WriteOptions())
        republisher.tell(kind, republisher.begin(kind), 100)
        told = database.execute("SELECT subject, sequence FROM outbox").fetchall()
        assert sorted(told) == sorted([(result_id, 4), (forgotten_id, 1)])
        given_out = database.execute("SELECT subject, last FROM outbox_sequence").fetchall()
        assert sorted(given_out) == sorted(told), "the next number is another one"
        ended = "SELECT source, subject, last FROM ended_subject WHERE ended_at > now() - interval '1 hour'"
        anew = database.execute(ended).fetchall()
        assert sorted(anew) == sorted(("lab.events", *each) for each in told), (
            "who hears of it now remembers it from now"
        )


def record(database: psycopg.Connection[Any]) -> UUID:
    """Lets lab have a result, and tell of it."""
    result = LabResult(
        lab_result_id=new_id(),
        patient_id=new_id(),
        patient_name="Ada",
        test="K",
        value="4",
        unit="",
        critical=False,
        at=datetime.now(UTC),
    )
    with transaction(database, "lab", causation_of(None, None, None)) as tx:
        insert(tx, result)
        tx.publish(recorded(result))
    return result.lab_result_id


@pytest.mark.parametrize("service", ON_POSTGRES)
def test_the_statements_of_each_service_are_those_of_its_tables(new_database: NewDatabase, service: str) -> None:
    with psycopg.connect(new_database(service).as_owner().database_url, autocommit=True) as connection:
        republisher = PostgresRepublisher(connection, service, WriteOptions())
        for kind in kinds_of(service).values():
            begun = republisher.begin(kind)
            later = republisher.tell(kind, begun, 10)
            assert later.done
            assert kind.kept.keys(Query(connection), str(new_id()), 1) == []


def test_an_operator_has_everything_told_again_and_the_log_ends_with_the_last_word(
    patients: Patients, rabbitmq_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient_id = patients.register("Ada")
    url = patients.settings.database_url
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("RABBITMQ_URL", rabbitmq_url)
    broker = Broker(rabbitmq_url)
    broker.delete("patient.events")
    disown(rabbitmq_url, "patient")  # another test's database may have been there

    def republish(*arguments: str) -> str:
        return CliRunner().invoke(cli, ["patient", "republish", *arguments]).output

    relay = RelayProcess("patient", tmp_path / "relay.log", DATABASE_URL=url, RABBITMQ_URL=rabbitmq_url).until_ready()
    try:
        assert "patients: 1, of which 0 were told" in republish("--dry-run")
        before = datetime.now(UTC)
        assert "Done: 1 aggregates told by 1 messages" in republish("--rate", "1000")
        assert "Done" in republish("--only", "patients")
        messages = broker.messages("patient.events")
    finally:
        relay.kill()
    said = [(each.type, each.headers["sequence"], each.headers.get("state")) for each in messages]
    assert said[:3] == [("PatientRegistered", 1, None), ("PatientRegistered", 1, 1), ("StateTold", 1, 0)]
    assert messages[1].headers["subject"] == str(patient_id)
    assert datetime.fromisoformat(json.loads(messages[2].body)["began_at"]) >= before
    assert patients.database.execute("SELECT FROM republish").fetchall() == []


MARK = "UPDATE incarnation SET set_back_since = now(), set_back_because = 'a backup'"


def test_nothing_is_told_of_a_database_that_was_set_back_but_how_much_it_would_be(
    patients: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients.register("Ada")
    patients.published()
    patients.database.execute(MARK)
    monkeypatch.setenv("DATABASE_URL", patients.settings.database_url)
    refused = CliRunner().invoke(cli, ["patient", "republish"])
    assert (refused.exit_code, "its logs say: a backup; `restore` does that" in refused.output) == (1, True)
    assert patients.told() == []
    assert "patients: 1" in CliRunner().invoke(cli, ["patient", "republish", "--dry-run"]).output


def test_the_last_word_is_not_said_of_a_database_that_was_set_back_meanwhile(patients: Patients) -> None:
    patients.register("Ada")
    patients.published()

    def set_back(_: str) -> None:
        patients.published()
        patients.database.execute(MARK)

    with pytest.raises(DatabaseSetBack, match="a backup"):
        run(patients.republisher, [kinds_of("patient")["patients"]], 1000, set_back, all_kinds=True)
    assert patients.told() == []
    assert patients.republisher.progress()["patients"].done


def test_documents_are_told_as_rows_are(mongodb_as: MongoAs) -> None:
    settings = mongodb_as(f"republishing_{new_id().hex}", Process.CONSUMER)
    create_collections("notification", settings)
    client = connect(settings, "republish")
    database = client.get_default_database()
    told = []
    for _ in range(3):
        notification = model.admission_confirmed(new_id(), new_id(), new_id(), "W1", datetime.now(UTC))
        tx = MongoTransaction("notification", new_id())
        store.insert(tx, notification)
        tx.publish(model.sent(notification))
        database[documents.collection].insert_one(tx.document())
        told.append(str(notification.notification_id))
    relayed = {"$set": {"outbox": []}, "$unset": {"outbox_since": ""}}
    database[documents.collection].update_many({}, relayed)
    republisher, kind = (
        MongoRepublisher(database, "notification", WriteOptions()),
        kinds_of("notification")["notifications"],
    )
    progress = republisher.begin(kind)
    while not progress.done:
        progress = republisher.tell(kind, progress, 2)
    assert (progress.aggregates, progress.messages, republisher.waiting()) == (3, 3, 3)
    waiting = list(database[documents.collection].find({"outbox_since": {"$exists": True}}).sort("notification_id", 1))
    assert [each["outbox"][0]["subject"] for each in waiting] == told
    headers = received(with_body(waiting[0]["outbox"][0]["header"], waiting[0]["outbox"][0]["body"])).properties
    assert headers["application_headers"]["state"] == headers["application_headers"]["sequence"] == 1
    republisher.finish([kind.name], progress.began_at)
    assert republisher.progress() == {}
    assert database[documents.collection].count_documents({"outbox.type": "StateTold"}) == 1
    mark = {"set_back_since": datetime.now(UTC), "set_back_because": "a backup"}
    database["database_identity"].update_one({"_id": "incarnation"}, {"$set": mark})
    with pytest.raises(DatabaseSetBack, match="a backup"):
        run(republisher, [kind], 1000, print, all_kinds=True)
    assert republisher.progress() == {}
    client.close()
