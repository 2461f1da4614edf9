"""Whatever happens to relays, sessions and the broker: nothing is lost, doubled without cause or out of order."""

import logging
from typing import Any

import pytest

from infirmary_relay.message import KEY, Row
from infirmary_relay.sources import postgres
from infirmary_relay.sources.mongo import MongoSource
from infirmary_relay.sources.postgres import PostgresSource
from infirmary_relay.sources.postgres_ahead import Ahead
from infirmary_relay.sources.source import HeldBack
from infirmary_relay.targets import Targets
from tests.unit.relay.protocol.machine import Protocol
from tests.unit.relay.protocol.on_mongo import MongoProtocol
from tests.unit.relay.protocol.on_postgres import PostgresProtocol
from tests.unit.relay.protocol.search import is_found, keeps_its_promises

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]  # how long a search for a fault takes is chance


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A relay says what it has lost, thousands of times here."""
    caplog.set_level(logging.CRITICAL, "infirmary_relay")


@pytest.mark.parametrize("protocol", [PostgresProtocol, MongoProtocol])
def test_the_protocol_keeps_its_promises_whatever_happens(protocol: type[Protocol]) -> None:
    keeps_its_promises(protocol)


class LockedElsewhere(PostgresSource):
    """Holds the locks on another connection than the one that fetches and deletes."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._holding = self._connection
        self._connection = vars(postgres)["connect"]("", f"rows of {named['relay_id']}")

    def close(self) -> None:
        super().close()
        self._holding.close()


class LetsGoAtOnce(PostgresSource):
    """Lets a partition go before what is in flight of it has settled."""

    def heartbeat(self, now: float) -> None:
        in_flight, self._in_flight = self._in_flight, set()
        super().heartbeat(now)
        self._in_flight = in_flight


class DeletesAtOnce(PostgresSource):
    """Deletes rows as soon as they are fetched."""

    def fetch(self, held_back: HeldBack, rows: int) -> list[Row]:
        batch = super().fetch(held_back, rows)
        self.settle([row[KEY] for row in batch], [])
        self.flush()
        return batch


class LosesNudges(PostgresSource):
    """Takes a nudge that comes during a fetch for one that came before it."""

    def fetch(self, held_back: HeldBack, rows: int) -> list[Row]:
        batch = super().fetch(held_back, rows)
        self.is_nudged = False
        return batch


class ReleasesAtOnce(MongoSource):
    """Lets a lease go before what is in flight of its partition has settled."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        heartbeat = self._leases.heartbeat
        vars(self._leases)["heartbeat"] = lambda now, _busy: heartbeat(now, ())


class TrustsItsLeases(MongoSource):
    """Goes on with leases that may have run out."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        vars(self._leases)["owned"] = lambda _now: self._leases._owned


class DeletesDocumentsAtOnce(MongoSource):
    """Deletes messages as soon as they are fetched."""

    def fetch(self, held_back: HeldBack, rows: int) -> list[Row]:
        batch = super().fetch(held_back, rows)
        self.settle([row[KEY] for row in batch], [])
        self.flush()
        return batch


class ForgetsNudges(MongoSource):
    """Reads the change stream, and does not note that something has come."""

    def drain_notifications(self) -> None:
        self._watch.drain_notifications()


@pytest.mark.parametrize(
    ("protocol", "planted", "found"),
    [
        (PostgresProtocol, LockedElsewhere, "two relays send for one partition"),
        (PostgresProtocol, LetsGoAtOnce, "came 2 times, and may 1 times"),
        (PostgresProtocol, DeletesAtOnce, "was deleted and is not in the log"),
        (PostgresProtocol, LosesNudges, "a nudge waits for"),
        (MongoProtocol, ReleasesAtOnce, "a partition is let go with messages in flight"),
        (MongoProtocol, TrustsItsLeases, "a relay fetches without a lease"),
        (MongoProtocol, DeletesDocumentsAtOnce, "was deleted and is not in the log"),
        (MongoProtocol, ForgetsNudges, "a nudge waits for"),
    ],
)
def test_the_model_finds_by_itself_a_relay_that(
    protocol: type[Protocol], planted: type[PostgresSource | MongoSource], found: str
) -> None:
    class Broken(protocol):  # type: ignore[misc, valid-type]
        source = planted

    assert is_found(found, Broken)


def test_the_model_finds_by_itself_a_relay_that_believes_whatever_bears_the_logs_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Targets, "may_end", lambda *_: True)
    assert is_found("was deleted and is not in the log", PostgresProtocol)


class _Any:
    """Equals whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def test_the_model_finds_by_itself_a_relay_that_takes_rows_for_which_it_asked_when_others_were_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Ahead, "kept", lambda _: None)
    ask = Ahead.ask
    monkeypatch.setattr(Ahead, "ask", lambda self, statement, asked, _terms: ask(self, statement, asked, _Any()))
    assert is_found("came 2 times, and may 1 times", PostgresProtocol)
