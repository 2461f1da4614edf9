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
from infirmary.postgres.transaction import transaction
from infirmary.saga.saga_rows import SagaRows
from infirmary.settings import Settings
from infirmary.tracing.causation import cause_of
from services.__main__ import cli
from services.admission.saga import ADMISSION, Admission, orchestrator
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.conftest import COMMANDS, LOG, Add, Counting, Faults


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


def test_the_list_says_what_is_parked_and_what_waits(stuck: Counting) -> None:
    assert [(row["subject"], row["sequence"], row["state"]) for row in listed(stuck)] == [
        ("b", 1, "parked"),
        ("b", 2, "waits"),
        ("b", 3, "waits"),
    ]
    header, *lines = parked(stuck, "list").output.splitlines()
    assert header.split()[:4] == ["id", "channel", "type", "subject"]
    assert len(lines) == 3


def test_nothing_parked_is_said_in_words(counting: Counting) -> None:
    assert parked(counting, "list").output == "Nothing is parked.\n"
    assert listed(counting) == []


def test_one_is_shown_with_its_error_and_its_body(stuck: Counting) -> None:
    shown = json.loads(parked(stuck, "show", str(listed(stuck)[0]["id"]), "--json").output)
    assert shown["body"] == {"counter": "b", "number": 1, "fault": None}
    assert shown["error"].startswith("Unlucky")
    assert "Unlucky: b" in parked(stuck, "show", str(shown["id"])).output


def test_the_calls_that_led_to_the_error_are_shown_to_whoever_asks(stuck: Counting) -> None:
    parked_id = str(listed(stuck)[0]["id"])
    assert "count_told" not in parked(stuck, "show", parked_id).output
    assert "in count_told" in parked(stuck, "show", parked_id, "--verbose").output
    assert "in count_told" in json.loads(parked(stuck, "show", parked_id, "--json").output)["traceback"]


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


def test_an_unknown_one_is_not_shown(counting: Counting) -> None:
    result = parked(counting, "show", "17")
    assert result.exit_code == 1
    assert "there is no parked message 17" in result.output


@pytest.mark.parametrize("which", ["one", "all"])
def test_what_an_operator_makes_due_is_applied_by_the_consumer_with_all_that_waits_behind(
    stuck: Counting, which: str
) -> None:
    stuck.database.execute("UPDATE parked_message SET retry_at = now() + interval '1 hour' WHERE error IS NOT NULL")
    stuck.retry(LOG)
    assert stuck.numbers("b") == []
    result = parked(stuck, "retry", "--all" if which == "all" else str(listed(stuck)[0]["id"]))
    assert result.exit_code == 0, result.output
    while stuck.retry(LOG):
        pass
    assert stuck.numbers("b") == [1, 2, 3]


@pytest.mark.parametrize("words", [["retry"], ["retry", "1", "--all"]])
def test_a_retry_says_which(counting: Counting, words: list[str]) -> None:
    result = parked(counting, *words)
    assert result.exit_code == 2
    assert "either an ID or --all" in result.output


def test_discarding_an_event_passes_its_sequence_so_that_later_ones_go_on(stuck: Counting) -> None:
    result = parked(stuck, "discard", str(listed(stuck)[0]["id"]), "--yes")
    assert result.exit_code == 0, result.output
    assert "goes on after message 1" in result.output
    while stuck.retry(LOG):
        pass
    assert stuck.numbers("b") == [2, 3]
    stuck.read(stuck.told("b", 4))
    assert stuck.numbers("b") == [2, 3, 4]


def test_an_event_is_not_discarded_before_those_that_it_waits_for(stuck: Counting) -> None:
    second = listed(stuck)[1]
    result = parked(stuck, "discard", str(second["id"]), "--yes")
    assert result.exit_code == 1
    assert "message 2 of b waits for message 1" in result.output
    assert len(listed(stuck)) == 3


def test_without_a_yes_nothing_is_discarded(stuck: Counting) -> None:
    result = parked(stuck, "discard", str(listed(stuck)[0]["id"]))
    assert result.exit_code == 1
    assert "--yes" in result.output
    assert len(listed(stuck)) == 3
    assert stuck.rows("SELECT subject FROM log_sequence") == [("a",)]


def test_a_discarded_command_lets_the_next_of_its_saga_through(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2))
    faults.broken.clear()
    first, second = listed(counting)
    assert (first["state"], second["state"]) == ("parked", "waits")
    assert parked(counting, "discard", str(first["id"]), "--yes").exit_code == 0
    counting.retry(COMMANDS)
    assert counting.numbers(saga_id) == [5]


def test_what_cannot_be_read_can_only_be_discarded(counting: Counting) -> None:
    counting.read(counting.rubbish())
    (rubbish,) = listed(counting)
    assert (rubbish["state"], rubbish["retry_at"]) == ("unreadable", None)
    assert parked(counting, "show", str(rubbish["id"])).exit_code == 0
    assert parked(counting, "retry", str(rubbish["id"])).exit_code == 1
    assert parked(counting, "discard", str(rubbish["id"]), "--yes").exit_code == 0
    assert listed(counting) == []


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
    with psycopg.connect(settings.database_url) as connection:
        with transaction(connection, "admission", cause_of(None, None, None)) as tx:
            orchestrator.start(tx, ADMISSION, saga_id, data)
        for step in ADMISSION.steps:
            outcome: Any = "refused" if step.retriable else "done"
            with transaction(connection, "admission", cause_of(None, None, None)) as tx:
                reply = Reply(saga_id=saga_id, step=step.name, attempt=1, outcome=outcome, reason=None)
                orchestrator.replied(tx, reply, SagaRows(tx))
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
    with psycopg.connect(admissions.database_url) as connection:
        sent = connection.execute("SELECT count(*) FROM outbox WHERE type = 'SendAdmissionConfirmation'").fetchone()
    assert sent == (2,)
    assert run(admissions, "admission", "sagas", "resume", str(saga_id)).exit_code == 1


def test_a_service_without_a_saga_has_no_commands_for_sagas() -> None:
    assert "sagas" not in CliRunner().invoke(cli, ["patient", "--help"]).output


def test_all_charts_are_forgotten_to_be_made_anew(new_database: NewDatabase) -> None:
    charts = new_database("chart")
    with psycopg.connect(charts.database_url) as connection:
        connection.execute("INSERT INTO log_reader (log, last_offset) VALUES ('patient.events', 7)")
        connection.execute("INSERT INTO log_sequence VALUES ('patient', 'somebody', 3)")
    result = run(charts, "chart", "rebuild")
    assert result.exit_code == 0, result.output
    with psycopg.connect(charts.database_url) as connection:
        assert connection.execute("SELECT FROM log_reader").fetchall() == []
        assert connection.execute("SELECT FROM log_sequence").fetchall() == []


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
