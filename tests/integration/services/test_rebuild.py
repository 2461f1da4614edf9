"""Charts are made anew from real logs beside those in use, while everybody goes on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from infirmary.consumer.broker import Broker
from infirmary.identifiers import new_id
from infirmary.messages import encode
from infirmary.observing.health import Liveness
from infirmary.postgres.rebuilding import SCHEMA
from infirmary.processes import make_app, make_consumer
from infirmary.rebuilds import rebuild
from infirmary.registry import handlers_of
from infirmary.settings import Settings
from services.__main__ import cli
from services.chart.commands import CHARTS
from services.chart.messages import EraseFromCharts
from tests.eventually import eventually
from tests.integration.catalog import catalog
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.publisher import Publisher
from tests.integration.infirmary.running import running
from tests.integration.services.stay import Stay

COMMANDS = "patient.to.chart"
LOGS = handlers_of("chart").logs()


class Charts:
    """The chart service with its logs; its consumer runs."""

    def __init__(self, settings: Settings, publisher: Publisher) -> None:
        self.settings, self._publisher = settings, publisher
        self._app = make_app("chart", settings)
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)

    def close(self) -> None:
        self.database.close()
        self._app.extensions["storage"].close()

    def tell(self, *stays: Stay) -> None:
        """Publishes all events of some stays."""
        for stay in stays:
            for event in stay.logs():
                self._publisher.raw(f"{event.source}.events", event.body, **event.properties)

    def erase(self, stay: Stay) -> None:
        """Sends the command to erase a patient."""
        saga_id, patient_id = new_id(), UUID(stay.patient["patient_id"])
        command = EraseFromCharts(saga_id=saga_id, step="chart", attempt=1, reply_to="patient", patient_id=patient_id)
        headers = {"subject": str(saga_id), "sequence": 1}
        properties = {"message_id": str(new_id()), "app_id": "patient", "application_headers": headers}
        self._publisher.raw(COMMANDS, encode(command), type="EraseFromCharts", **properties)

    def chart(self, stay: Stay) -> dict[str, Any] | None:
        answer = self._app.test_client().get(f"/charts/{stay.patient['patient_id']}")
        if answer.status_code == 404:
            return None
        chart = dict(answer.get_json())
        if answer.status_code != 200:
            return chart
        del chart["as_of"]
        if chart["admission"] is not None:
            del chart["admission"]["at"]
        return chart

    def shows(self, *stays: Stay) -> bool:
        return all(self.chart(stay) == stay.chart() for stay in stays)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.database.execute(statement.encode()).fetchall()

    def spoil(self, stay: Stay) -> None:
        """Changes the chart in use, so that it can be told from one made anew."""
        self.database.execute(
            "UPDATE patients SET full_name = 'Spoilt' WHERE patient_id = %s", (stay.patient["patient_id"],)
        )

    def is_spoilt(self, stay: Stay) -> bool:
        chart = self.chart(stay)
        return chart is not None and bool(chart["patient"]["full_name"] == "Spoilt")

    def rebuild(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["chart", "rebuild", *words], env=self.environment())

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.settings.database_url, "RABBITMQ_URL": self.settings.broker_url}


@pytest.fixture
def charts(new_database: NewDatabase, rabbitmq_url: str) -> Iterator[Charts]:
    settings = new_database("chart").model_copy(update={"rabbitmq_url": rabbitmq_url, "consumer_batch_messages": 5})
    with closing(Broker(rabbitmq_url, "test")) as broker:
        broker.disown("chart")
    publisher = Publisher(rabbitmq_url)
    for log in LOGS:
        publisher.channel.queue_delete(log)
    publisher.declare_log(*LOGS)
    charts = Charts(settings, publisher)
    with running(make_consumer("chart", settings, Liveness()), ends_within_s=20):
        yield charts
    charts.close()
    for log in LOGS:
        publisher.channel.queue_delete(log)
    publisher.close()
    with closing(Broker(rabbitmq_url, "test")) as broker:
        broker.disown("chart")


@pytest.fixture
def stays(charts: Charts) -> list[Stay]:
    """Some patients whose charts are there."""
    return told(charts, 6)


def a_stay(way: int) -> Stay:
    stay = Stay.begin()
    stay.admit("stays")
    stay.prescribe(way)
    stay.examine()
    return stay


def told(charts: Charts, number: int) -> list[Stay]:
    stays = [a_stay(each % 7) for each in range(number)]
    charts.tell(*stays)
    eventually(lambda: charts.shows(*stays), because="all is in the charts", within_s=60)
    return stays


@contextmanager
def asking(charts: Charts, stay: Stay) -> Iterator[list[str | None]]:
    """Asks for a chart again and again; gives the names that were shown so far, None where the request has failed."""
    names, over = list[str | None](), Event()

    def ask() -> None:
        while not over.is_set():
            chart = charts.chart(stay)
            names.append(None if chart is None or "patient" not in chart else chart["patient"]["full_name"])

    thread = Thread(target=ask)
    thread.start()
    try:
        yield names
    finally:
        over.set()
        thread.join()


def test_charts_are_the_old_ones_until_the_new_ones_are_as_far_while_traffic_goes_on(
    charts: Charts, stays: list[Stay]
) -> None:
    spoilt, live, said = stays[0], list[Stay](), list[str]()
    charts.spoil(spoilt)
    tables = catalog(charts.settings)

    def say(words: str) -> None:
        said.append(words)
        assert charts.is_spoilt(spoilt)
        if len(live) < 10:
            live.append(a_stay(len(said) % 7))
            charts.tell(live[-1])

    with asking(charts, spoilt) as names:
        rebuild(CHARTS, charts.settings, say)
        eventually(lambda: names[-1:] == ["Name 1"], because="the next request sees the new charts")
    seen = [name for name, _ in groupby(names)]
    assert seen == ["Spoilt", "Name 1"], "some request was not answered, or answered from neither"
    assert said[0] == "It begins at the logs' first messages."
    assert any("messages are applied" in words for words in said)
    assert charts.shows(*stays)
    later = a_stay(3)
    charts.tell(later)
    eventually(lambda: charts.shows(*stays, *live, later), because="the consumer goes on with them", within_s=60)
    assert catalog(charts.settings) == tables
    assert charts.rows("SELECT count(*) FROM parked_message") == [(0,)]


def test_who_was_erased_stays_so_and_is_answered_for_once(charts: Charts, stays: list[Stay]) -> None:
    gone, *others = stays
    charts.erase(gone)
    eventually(lambda: charts.chart(gone) is None, because="the patient is erased")
    answers, places = (
        "SELECT id, type, subject, sequence FROM outbox",
        f"SELECT last_offset FROM log_reader WHERE log = '{COMMANDS}'",
    )
    before = charts.rows(answers), charts.rows(places)
    assert len(before[0]) == 1
    done = charts.rebuild()
    assert done.exit_code == 0, done.output
    assert charts.chart(gone) is None
    assert charts.shows(*others)
    assert (charts.rows(answers), charts.rows(places)) == before
    charts.erase(others[0])
    eventually(lambda: len(charts.rows(answers)) == 2, because="the next command is answered")


def test_ends_are_those_of_the_new_charts_and_of_what_is_not_made_anew(charts: Charts, stays: list[Stay]) -> None:
    stay = a_stay(3)
    for event in stay.logs():
        if event.properties["type"] in ("LabResultRecorded", "PrescriptionDispensed"):
            event.properties["application_headers"]["ends"] = 1
    charts.tell(stay)
    eventually(lambda: charts.shows(stay), because="all is in the charts", within_s=60)
    of_logs = "SELECT source, subject, last FROM ended_subject WHERE source <> 'chart.events' ORDER BY 1, 2"
    before = charts.rows(of_logs)
    assert {source for source, *_ in before} == {"lab", "prescription"}
    charts.rows("INSERT INTO ended_subject VALUES ('chart.events', 'said', 1), ('lab', 'spoilt', 1) RETURNING source")
    done = charts.rebuild()
    assert done.exit_code == 0, done.output
    assert charts.rows(of_logs) == before
    assert charts.rows("SELECT subject FROM ended_subject WHERE source = 'chart.events'") == [("said",)]
    assert charts.shows(*stays)


def test_killed_in_the_middle_it_goes_on_from_there(charts: Charts, stays: list[Stay], tmp_path: Path) -> None:
    charts.spoil(stays[0])
    frozen = tmp_path / "frozen"
    crash = {"CONSUMER_CRASH_POINT": "after_commit", "CONSUMER_CRASH_FILE": str(frozen), "CONSUMER_BATCH_MESSAGES": "2"}
    command = [sys.executable, "-m", "services", "chart", "rebuild"]
    with subprocess.Popen(command, env={**os.environ, **charts.environment(), **crash}) as process:
        eventually(frozen.exists, because="it has applied something", within_s=60)
        process.kill()
    filled = charts.rows(f"SELECT log FROM {SCHEMA}.log_reader WHERE last_offset IS NOT NULL")
    assert 0 < len(filled) < len(LOGS)
    assert charts.is_spoilt(stays[0])
    done = charts.rebuild()
    assert done.exit_code == 0, done.output
    assert "It goes on where it was." in done.output
    assert charts.shows(*stays)


def test_what_the_logs_do_not_tell_any_more_is_not_lost_unless_that_is_wanted(
    charts: Charts, stays: list[Stay]
) -> None:
    lab_result = "INSERT INTO lab_results VALUES (%s, %s, 'k', '1', '', false)"
    charts.database.execute(lab_result, (new_id(), stays[0].patient["patient_id"]))
    charts.spoil(stays[0])
    refused = charts.rebuild()
    assert (refused.exit_code, "lab_results has 6 rows instead of 7" in refused.output) == (1, True), refused.output
    assert charts.is_spoilt(stays[0])
    done = charts.rebuild("--although-less")
    assert done.exit_code == 0, done.output
    assert charts.shows(*stays)


def test_a_rebuild_that_was_begun_is_given_up(charts: Charts, stays: list[Stay]) -> None:
    assert charts.rebuild("--cancel").output == "There is no rebuild to be given up.\n"

    def interrupt(words: str) -> None:
        assert charts.rebuild("--cancel").output == "Error: another rebuild of this database is at work\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(CHARTS, charts.settings, interrupt)
    assert charts.rebuild("--cancel").output == "The rebuild is given up.\n"
    assert charts.rows(f"SELECT to_regnamespace('{SCHEMA}')") == [(None,)]
    assert charts.shows(*stays)
