"""The command says what it would do and what it has done, and is refused where nobody has found a fault."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infirmary.command import of_service
from infirmary.identifiers import new_id
from infirmary.mongo.schema import create_collections
from infirmary.mongo.storage import connect
from infirmary.mongo.transaction import MongoTransaction
from infirmary.postgres.transaction import transaction
from infirmary.process_roles import Process
from infirmary.processes import make_app
from infirmary.tracing.causation import causation_of
from services.notification.messages import NotificationSent
from services.patient.messages import PatientRegistered
from tests.eventually import eventually
from tests.integration.mongodb_rights import MongoAs
from tests.integration.restoring.backup import Backup
from tests.integration.restoring.conftest import Service, put_back
from tests.integration.restoring.relaying import Relaying

PAGE = Path(__file__).resolve().parents[3] / "docs" / "restore.md"


@pytest.fixture
def relay(rabbitmq_url: str) -> Iterator[Relaying]:
    relay = Relaying(rabbitmq_url, ("patient.events",))
    yield relay
    relay.close()


@pytest.fixture
def environment(service: Service, rabbitmq_url: str, stream_port: int) -> dict[str, str]:
    return {
        "DATABASE_URL": service.settings.database_url,
        "OWNER_DATABASE_URL": service.settings.as_owner().database_url,
        "RABBITMQ_URL": rabbitmq_url,
        "RABBITMQ_STREAM_PORT": str(stream_port),
    }


def restore(environment: dict[str, str], *options: str, service: str = "patient") -> Result:
    return CliRunner().invoke(of_service(service), ["restore", *options], env=environment)


def test_a_person_sees_what_would_be_done_and_does_it(
    service: Service, relay: Relaying, environment: dict[str, str]
) -> None:
    backup = Backup(service.database)
    patient = {"patient_id": "01a21a90-4ee0-7252-b7ab-c38c4f50529a", "full_name": "Ada", "date_of_birth": "1990-01-01"}
    with transaction(service.database, "patient", causation_of(None, None, None), False) as tx:
        tx.publish(PatientRegistered.model_validate(patient | {"version": 1}))
    relay.send(service.database)
    put_back(service, backup)
    said = restore(environment, "--dry-run")
    assert said.exit_code == 0, said.output
    assert "The database was found to be set back at" in said.output
    assert "patient.events  PatientRegistered  1" in said.output
    assert said.output.endswith("Nothing was changed.\n")
    done = restore(environment)
    assert done.exit_code == 0, done.output
    assert "The database is whole again" in done.output
    again = restore(environment)
    assert again.exit_code == 1
    assert "nobody has found that the database of patient was set back" in again.output
    nothing = restore(environment, "--although-not-marked")
    assert "Nothing was said that the database does not know." in nothing.output


def test_a_request_that_was_carried_out_before_is_not_once_more_when_its_client_repeats_it(
    service: Service, relay: Relaying, environment: dict[str, str]
) -> None:
    backup, app = Backup(service.database), make_app("patient", service.settings)
    with closing(app.extensions["storage"]):

        def register(key: str) -> tuple[int, str]:
            ada = {"full_name": "Ada", "date_of_birth": "1990-01-01"}
            answer = app.test_client().post("/patients", json=ada, headers={"Idempotency-Key": key})
            return answer.status_code, answer.get_json().get("detail", "")

        assert register("one") == (201, "")
        relay.send(service.database)
        put_back(service, backup)
        assert restore(environment).exit_code == 0
        eventually(lambda: register("two")[0] == 201, because="the API sees that the mark is gone")
        status, detail = register("one")
    assert (status, "was carried out" in detail) == (409, True)
    assert service.rows("SELECT count(*) FROM patients") == [(2,)]


def test_a_broker_that_is_away_is_said_in_a_sentence(
    service: Service, environment: dict[str, str], unused_port: int
) -> None:
    away = {"RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{unused_port}/", "RABBITMQ_STREAM_PORT": "0"}
    said = restore(environment | away, "--dry-run")
    assert said.exit_code == 1
    assert "restore again to go on" in said.output


@pytest.mark.parametrize("command", re.findall(r"python -m services patient ((?:restore|migrate).*)", PAGE.read_text()))
def test_what_the_page_says_can_be_given(
    service: Service, relay: Relaying, environment: dict[str, str], command: str
) -> None:
    put_back(service, Backup(service.database))
    done = CliRunner().invoke(of_service("patient"), command.split(), env=environment)
    assert done.exit_code == 0, done.output


def test_a_service_with_a_database_of_mongodb_is_restored_by_the_same_command(
    mongodb_as: MongoAs, rabbitmq_url: str, stream_port: int
) -> None:
    settings = mongodb_as(f"restored_{new_id().hex}", Process.CONSUMER)
    cause, notification_id = new_id(), new_id()
    environment = {
        "DATABASE_URL": settings.database_url,
        "OWNER_DATABASE_URL": settings.as_owner().database_url,
        "RABBITMQ_URL": rabbitmq_url,
        "RABBITMQ_STREAM_PORT": str(stream_port),
    }
    create_collections("notification", settings)
    tx = MongoTransaction("notification", cause)
    tx.cause = causation_of(None, str(cause), None)
    told = {"patient_id": new_id(), "kind": "critical_lab_result", "text": "Call us.", "reference_id": new_id()}
    tx.publish(NotificationSent.model_validate({"notification_id": notification_id, **told}))
    with (
        closing(Relaying(rabbitmq_url, ("notification.events",))) as relay,
        connect(settings.as_owner(), "test") as client,
    ):
        for row in tx.document()["outbox"]:
            relay.publish(row["target"], row["header"], row["body"])
        said = restore(environment, "--dry-run", service="notification")
        assert "notification.events  NotificationSent  1         the change is made again" in said.output
        refused = restore(environment, service="notification")
        assert "nobody has found that the database of notification was set back" in refused.output
        done = restore(environment, "--although-not-marked", service="notification")
        assert done.exit_code == 0, done.output
        document = client.get_default_database()["notifications"].find_one({"_id": cause}) or {}
    assert (document["notification_id"], document["text"]) == (notification_id, "Call us.")


def test_a_database_of_mongodb_that_is_away_is_said_in_a_sentence(rabbitmq_url: str, unused_port: int) -> None:
    away = {"DATABASE_URL": f"mongodb://127.0.0.1:{unused_port}/notifications", "RABBITMQ_URL": rabbitmq_url}
    said = restore(away, "--dry-run", service="notification")
    assert said.exit_code == 1
    assert "restore again to go on" in said.output
