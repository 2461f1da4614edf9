"""Whatever happens to logs, their leaders and publishers: over streams the promises are kept that AMQP's side keeps."""

import logging
import struct
from collections.abc import Sequence
from typing import Any

import pytest

from infirmary_relay.confirms import Confirms
from infirmary_relay.message import KEY, Row
from infirmary_relay.streams.encoder import Entries
from infirmary_relay.streams.publisher import StreamPublisher
from infirmary_streams import codes, frames, publishing
from tests.unit.relay.protocol.machine import Protocol
from tests.unit.relay.protocol.on_mongo import MongoProtocol
from tests.unit.relay.protocol.on_postgres import PostgresProtocol
from tests.unit.relay.protocol.over_streams import OverStreams
from tests.unit.relay.protocol.search import is_found, keeps_its_promises
from tests.unit.relay.stream_frames import confirms, errors

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]  # how long a search for a fault takes is chance


class PostgresOverStreams(OverStreams, PostgresProtocol):
    """Rows of PostgreSQL."""


class MongoOverStreams(OverStreams, MongoProtocol):
    """Documents of MongoDB."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A relay says what it has lost, thousands of times here."""
    caplog.set_level(logging.CRITICAL, "infirmary_relay")


@pytest.mark.parametrize("protocol", [PostgresOverStreams, MongoOverStreams])
def test_the_protocol_keeps_its_promises_whatever_happens(protocol: type[Protocol]) -> None:
    keeps_its_promises(protocol)


class CreditsTheNext(StreamPublisher):
    """Numbers anew for each publisher, and hears what is said of one that has ended as if it were the next one's."""

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        if not self._confirms:
            self._confirms = Confirms()
        return super().publish(rows)

    def _end_publisher(self, node: Any, target: str, reason: str) -> None:
        ended = self._publishers.get(target)
        super()._end_publisher(node, target, reason)
        node.targets |= {ended[1]: target} if ended is not None else {}


class GoesOnBehindRefused(StreamPublisher):
    """Sends what stands behind a message of which it knows that it was refused."""

    def has_room(self, windows: int) -> bool:
        return len(self._confirms) < windows


class StandsForItsLog(StreamPublisher):
    """Goes on with a publisher that the broker has ended."""

    def _end_publisher(self, node: Any, target: str, reason: str) -> None:
        """Does nothing."""


class HasAReference(StreamPublisher):
    """Lets the broker drop what was sent twice: its publishers have a name, and the row's id is the publishing id.

    A row that is written in a long transaction has a lower id than others that were sent before it.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._numbers: dict[Any, int] = {}

    def _publisher(self, target: str) -> Any:
        node, publisher_id, declaring = super()._publisher(target)
        fields = bytes((publisher_id,)) + frames.text(self._leaders._name) + frames.text(target)
        correlation_id = int.from_bytes(b"".join(declaring)[8:12], "big")
        named = [frames.request(codes.DECLARE_PUBLISHER, correlation_id, fields)]
        return node, publisher_id, named if declaring else []

    def _write(self, entries: dict[str, Entries]) -> None:
        numbered = [each for window in self._confirms._windows for each in enumerate(window.rows, window.first_tag)]
        keys = {number: row[KEY] for number, row in numbered}
        for pieces, stride in entries.values():
            for at in range(0, len(pieces), stride):
                number, size = struct.unpack(">QI", pieces[at])
                self._numbers[keys[number]] = number
                pieces[at] = publishing.entry_head(keys[number], size)
        super()._write(entries)

    def _read(self, node: Any, key: int, payload: bytes) -> None:
        if key == codes.PUBLISH_CONFIRM:
            publisher_id, ids = publishing.confirmed(payload)
            payload = confirms(publisher_id, [self._numbers[each] for each in ids])[8:]
        elif key == codes.PUBLISH_ERROR:
            publisher_id, failed = publishing.failed(payload)
            payload = errors(publisher_id, {self._numbers[each]: code for each, code in failed})[8:]
        super()._read(node, key, payload)


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (CreditsTheNext, "came 2 times, and may 1 times"),
        (GoesOnBehindRefused, "knows that a message was refused, and sends what stands behind it"),
        (StandsForItsLog, "messages never leave the outbox"),
        (HasAReference, "was deleted and is not in the log"),
    ],
)
def test_the_model_finds_by_itself_a_publisher_that(planted: type[StreamPublisher], found: str) -> None:
    class Broken(PostgresOverStreams):
        publisher = planted

    assert is_found(found, Broken)
