"""An operator looks at what is parked, tries it again or gives it up, and lets a parked saga go on."""

import json
import re
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from infirmary.consumer.broker import Broker
from infirmary.consumer.ownership import OwnedByAnother
from infirmary.identifiers import new_id
from infirmary.messages import Reply
from infirmary.postgres.sagas.rows import SagaRows
from infirmary.postgres.transaction import transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.__main__ import cli
from services.admission.saga import ADMISSION, Admission, orchestrator
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import Faults


def run(settings: Settings, *words: str) -> Result:
    """Runs a command of patient (whose tables the counting service has) or of the service that the first word names."""
    return CliRunner().invoke(cli, words, env={"DATABASE_URL": settings.database_url})


def parked(counting: Counting, *words: str) -> Result:
    return run(counting.settings, "patient", "parked", *words)


def listed(counting: Counting) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(parked(counting, "list", "--json").output)
    return rows


@pytest.fixture
def stuck(counting: Counting, faults: Faults) -> Counting:
    """The counting service with event 1 of `b` parked, and 2 and 3 behind it."""
    faults.broken.add("b")
    counting.read(*(counting.told("b", number) for number in (1, 2, 3)), counting.told("a", 1))
    faults.broken.clear()
    return counting


def test_a_virtual_host_is_claimed_for_a_database_on_purpose_only(counting: Counting, rabbitmq_url: str) -> None:
    environment = {"DATABASE_URL": counting.settings.database_url, "RABBITMQ_URL": rabbitmq_url}
    with closing(Broker(rabbitmq_url, "test")) as broker:
        broker.disown("patient")
        broker.own("patient", "another")
        refused = CliRunner().invoke(cli, ["patient", "claim"], env=environment)
        assert (refused.exit_code, "Nothing was changed" in refused.output) == (1, True)
        claimed = CliRunner().invoke(cli, ["patient", "claim", "--yes"], env=environment)
        assert claimed.exit_code == 0, claimed.output
        broker.own("patient", counting.store.identity())
        with pytest.raises(OwnedByAnother, match=re.escape(counting.store.identity())):
            broker.own("patient", "another")
        broker.disown("patient")


@pytest.mark.parametrize("words", [["retry"], ["retry", "1", "--all"]])
def test_a_retry_says_which(counting: Counting, words: list[str]) -> None:
    result = parked(counting, *words)
    assert result.exit_code == 2
    assert "either an ID or --all" in result.output


def test_the_outbox_shows_what_waits_for_the_relay(counting: Counting) -> None:
    assert run(counting.settings, "patient", "outbox").output == "The outbox is empty.\n"
    counting.read(counting.told("a", 1), counting.told("a", 2))
    (waiting,) = json.loads(run(counting.settings, "patient", "outbox", "--json").output)
    assert (waiting["target"], waiting["messages"]) == ("counting.events", 2)
    assert waiting["oldest_age_s"] >= 0


@pytest.fixture
def admissions(new_database: NewDatabase) -> Settings:
    """A fresh database of admission."""
    return new_database("admission")


def parked_saga(settings: Settings) -> UUID:
    """Starts an admission whose last step is refused, which no saga can undo."""
    saga_id = new_id()
    data = Admission(admission_id=saga_id, patient_id=new_id(), ward_id="west")
    with psycopg.connect(settings.as_owner().database_url) as connection:
        with transaction(connection, "admission", causation_of(None, None, None)) as tx:
            orchestrator.start(tx, ADMISSION, saga_id, data)
        for step in ADMISSION.steps:
            outcome: Any = "refused" if step.retriable else "done"
            with transaction(connection, "admission", causation_of(None, None, None)) as tx:
                reply = Reply(saga_id=saga_id, step=step.name, attempt=1, outcome=outcome, reason=None)
                orchestrator.replied(tx, reply, SagaRows(tx), step.command.contract.peer)
    return saga_id


def test_sagas_are_listed_by_status(admissions: Settings) -> None:
    saga_id = parked_saga(admissions)
    (line,) = json.loads(run(admissions, "admission", "sagas", "list", "--status", "parked", "--json").output)
    assert (line["saga_id"], line["step"]) == (str(saga_id), "confirmation")
    assert str(saga_id) in run(admissions, "admission", "sagas", "list").output
    assert run(admissions, "admission", "sagas", "list", "--status", "failed").output == "There is no such saga.\n"


def test_a_saga_is_shown_with_its_steps_and_its_history(admissions: Settings) -> None:
    saga_id = parked_saga(admissions)
    shown = json.loads(run(admissions, "admission", "sagas", "show", str(saga_id), "--json").output)
    assert [step["state"] for step in shown["steps"]] == ["done", "done", "done", "refused"]
    assert [one["status"] for one in shown["history"]] == ["running"] * 4 + ["parked"]
    assert "history:" in run(admissions, "admission", "sagas", "show", str(saga_id)).output


def test_a_parked_saga_goes_on_when_it_is_resumed(admissions: Settings) -> None:
    saga_id = parked_saga(admissions)
    assert run(admissions, "admission", "sagas", "resume", str(saga_id)).output == "Resumed.\n"
    (line,) = json.loads(run(admissions, "admission", "sagas", "list", "--json").output)
    assert line["status"] == "running"
    with psycopg.connect(admissions.as_owner().database_url) as connection:
        sent = connection.execute("SELECT count(*) FROM outbox WHERE type = 'SendAdmissionConfirmation'").fetchone()
    assert sent == (2,)
    assert run(admissions, "admission", "sagas", "resume", str(saga_id)).exit_code == 1


def test_no_saga_is_resumed_in_a_database_that_was_set_back(admissions: Settings) -> None:
    saga_id = parked_saga(admissions)
    with psycopg.connect(admissions.as_owner().database_url) as connection:
        connection.execute("UPDATE incarnation SET set_back_since = now(), set_back_because = 'a backup'")
    refused = run(admissions, "admission", "sagas", "resume", str(saga_id))
    assert (refused.exit_code, "what its logs say: a backup; `restore` does that" in refused.output) == (1, True)
    (line,) = json.loads(run(admissions, "admission", "sagas", "list", "--json").output)
    assert (line["saga_id"], line["status"]) == (str(saga_id), "parked")


def test_a_service_without_a_saga_has_no_commands_for_sagas() -> None:
    assert "sagas" not in CliRunner().invoke(cli, ["ward", "--help"]).output


def test_a_database_that_is_away_is_said_in_one_line() -> None:
    nowhere = Settings(database_url="postgresql://patient:secret@127.0.0.1:9/patients")
    result = run(nowhere, "patient", "outbox")
    assert result.exit_code == 1
    assert result.output.startswith("Error: the database of patient: ")
    assert "secret" not in result.output


def test_the_outbox_of_a_mongodb_database_is_politely_declined() -> None:
    result = run(Settings(database_url="mongodb://127.0.0.1/notifications"), "notification", "outbox")
    assert result.exit_code == 1
    assert "PostgreSQL only" in result.output
