"""Charts on a real PostgreSQL: whatever order the logs come in, a chart ends up equal to what the owners hold."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infirmary.postgres.transaction import transaction
from infirmary.processes import make_app
from infirmary.registry import handlers_of
from infirmary.settings import Settings
from infirmary.testing import HandFedConsumer
from infirmary.tracing.causation import causation_of
from tests.integration.conftest import NewDatabase
from tests.integration.services.stay import Stay, Told, stays


class Reader:
    """The chart service: its consumer, fed by hand in place of the broker, and its interface."""

    def __init__(self, chosen: Settings) -> None:
        self.url = chosen.as_owner().database_url
        self._app = make_app("chart", chosen)
        self.consumer = HandFedConsumer("chart", chosen)

    def close(self) -> None:
        self.consumer.close()
        self._app.extensions["storage"].close()

    def hears(self, events: Sequence[Told], batch: int = 1) -> None:
        """Applies events, each at the end of its publisher's log, and then all that waited for another."""
        rest = list(events)
        while rest:
            together = 1
            while together < min(batch, len(rest)) and rest[together].source == rest[0].source:
                together += 1
            heard = [(event.properties, event.body) for event in rest[:together]]
            self.consumer.apply(f"{rest[0].source}.events", *heard)
            del rest[:together]
        while self.value("UPDATE parked_message SET retry_at = now() WHERE error IS NULL RETURNING true"):
            self.consumer.retry()

    def value(self, sql: str) -> Any:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(sql.encode()).fetchone()
        return row and row[0]

    def chart(self, stay: Stay) -> dict[str, Any] | None:
        """Returns a chart without the times at which it was heard of, or None when there is none."""
        answer = self._app.test_client().get(f"/charts/{stay.patient['patient_id']}")
        if answer.status_code == 404:
            return None
        chart = dict(answer.get_json())
        del chart["as_of"]
        if chart["admission"] is not None:
            del chart["admission"]["at"]
        return chart


@pytest.fixture
def reader(new_database: NewDatabase) -> Iterator[Reader]:
    reader = Reader(new_database("chart"))
    yield reader
    reader.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(stay=stays(), data=st.data(), batch=st.sampled_from([1, 100]))
def test_in_whatever_order_events_come_a_chart_equals_its_owners(
    reader: Reader, stay: Stay, data: st.DataObject, batch: int
) -> None:
    reader.hears(data.draw(st.permutations(stay.logs())), batch)
    assert reader.chart(stay) == stay.chart()
    assert reader.value("SELECT count(*) FROM parked_message") == 0
    assert reader.value("SELECT count(*) FROM outbox") == 0


def test_a_chart_begins_with_the_registration_whatever_was_heard_before(reader: Reader) -> None:
    stay = Stay.begin()
    stay.examine()
    stay.prescribe(2)
    registered = stay.told["patient", stay.patient["patient_id"]]
    reader.hears([event for event in stay.logs() if event not in registered])
    assert reader.chart(stay) is None
    reader.hears(registered)
    assert reader.chart(stay) == stay.chart()


def test_a_prescription_keeps_its_status_when_its_beginning_is_heard_of_last(reader: Reader) -> None:
    stay = Stay.begin()
    stay.prescribe(2)
    events = handlers_of("chart").events
    with (
        psycopg.connect(reader.url, autocommit=True) as connection,
        transaction(connection, "chart", causation_of(None, None, None)) as tx,
    ):
        for each in reversed(stay.logs()):
            kind, handle = events[each.source, each.properties["type"]]
            handle(kind.model_validate_json(each.body), tx)
    assert reader.chart(stay) == stay.chart()
