"""What only the stream protocol has: messages that somebody's client has packed together, a port with its own TLS."""

import gzip
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infirmary.consumer.broker import Broker
from infirmary.consumer.streams.broker import StreamBroker
from infirmary.identifiers import new_id
from infirmary.messages import encode
from infirmary_streams import codes, commands, publishing
from infirmary_streams.address import StreamAddress
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import StreamLostError
from infirmary_streams.link import Link
from infirmary_streams.sections import encoded, with_body
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG, Told
from tests.integration.infirmary.publisher import Publisher, consuming, publisher
from tests.integration.infirmary.test_broker_connection import amqps, certificates, speaking_tls

__all__ = ["certificates", "publisher"]

NONE, GZIP, SNAPPY = 0, 1, 2
by_streams_only = pytest.mark.parametrize("reading_port", ["streams"], indirect=True)
"""By AMQP nobody can look into what is packed."""


def told(number: int) -> bytes:
    """An event of the counter `a`, as the relay sends it."""
    sections = encoded(
        message_id=str(new_id()), source="ward", message_type="Told", subject="a", time=datetime.now(UTC)
    )
    return with_body(sections + struct.pack(">q", number), encode(Told(counter="a", number=number)))


def sub_entry(publishing_id: int, messages: list[bytes], compression: int) -> bytes:
    content = b"".join(struct.pack(">I", len(each)) + each for each in messages)
    packed = gzip.compress(content) if compression == GZIP else content
    kind = 0x80 | compression << 4
    return publishing.sub_entry_head(publishing_id, kind, len(messages), len(content), len(packed)) + packed


class Client:
    """Somebody's client of the stream protocol that packs messages together."""

    def __init__(self, address: StreamAddress) -> None:
        self._link = Link(Conversation(address, name="client", timeout_s=5.0))
        self._link.write(commands.declare_publisher(1, 1, LOG))
        self._published = 0

    def publish(self, *numbers: int, compression: int) -> None:
        """Publishes events as one entry, and waits until the log has it."""
        self._published += 1
        content = sub_entry(self._published, [told(number) for number in numbers], compression)
        self._link.write(publishing.publish_head(1, len(content), 1) + content)
        eventually(self._is_confirmed, because="the broker confirms it")

    def _is_confirmed(self) -> bool:
        return any(key == codes.PUBLISH_CONFIRM for key, _ in self._link.frames())

    def close(self) -> None:
        self._link.close()


@pytest.fixture
def client(rabbitmq_url: str, stream_port: int, publisher: Publisher) -> Iterator[Client]:
    """A client, when the log is there."""
    with closing(Client(StreamAddress.beside(rabbitmq_url, stream_port))) as client:
        yield client


@by_streams_only
def test_packed_messages_are_applied_in_order_and_a_reader_goes_on_between_them(
    counting: Counting, client: Client, rabbitmq_url: str
) -> None:
    client.publish(1, 2, 3, compression=NONE)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2, 3], because="the first entry is read")
    client.publish(4, 5, compression=GZIP)
    client.publish(6, compression=NONE)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2, 3, 4, 5, 6], because="it goes on behind the third message")
    assert counting.held() == []


@by_streams_only
def test_what_is_compressed_in_a_way_that_is_not_known_is_parked_and_told_and_passed(
    counting: Counting, client: Client, rabbitmq_url: str
) -> None:
    client.publish(1, compression=NONE)
    client.publish(2, 3, compression=SNAPPY)
    client.publish(4, compression=NONE)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: len(counting.held()) == 2, because="one is parked, and one waits for what was in it")
    assert counting.numbers("a") == [1]
    (properties,) = next(iter(counting.rows("SELECT properties FROM parked_message WHERE subject IS NULL")))
    assert "the chunk of the offsets 1 to 2" in properties["undecodable"]
    assert "snappy" in properties["undecodable"]
    client.publish(5, compression=NONE)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: len(counting.held()) == 3, because="the reader goes on behind it")


@by_streams_only
def test_no_connection_by_amqp_is_kept_where_no_queue_of_the_release_before_is_left(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Broker] = []
    close = Broker.close

    def note_and_close(broker: Broker) -> None:
        closed.append(broker)
        close(broker)

    monkeypatch.setattr(Broker, "close", note_and_close)
    with consuming(counting, rabbitmq_url):
        publisher.tell("a", 1)
        eventually(lambda: counting.numbers("a") == [1], because="the consumer works")
        assert len(closed) == 1


def test_a_broker_whose_streams_have_a_certificate_in_its_own_name_is_read_from(
    rabbitmq_url: str, stream_port: int, certificates: Path, publisher: Publisher
) -> None:
    for number in range(1, 400):
        publisher.tell("a", number)
    with speaking_tls(certificates, "localhost", stream_port) as (port, _):
        address = StreamAddress.beside(amqps(rabbitmq_url, 5671), port, ca_file=certificates / "ca.pem")
        with closing(StreamBroker(address, "counting", lambda: pytest.fail("nobody asks by AMQP"))) as broker:
            subscription = broker.subscribe(LOG, 300, "first")
            ends_at, bodies = time.monotonic() + 20, list[bytes]()
            while len(bodies) < 399 and time.monotonic() < ends_at:
                broker.wait(1.0)
                deliveries = subscription.take(100)
                bodies += [delivery.body for delivery in deliveries]
                if deliveries:
                    subscription.acknowledge(deliveries[-1])
            assert len(bodies) == 399
            assert broker.subscribe(LOG, 300, "last").newest == 398


@pytest.mark.parametrize(("host", "signed_by_ours"), [("other.example", True), ("localhost", False)])
def test_nothing_is_said_to_a_port_whose_certificate_is_anothers_or_nobodys(
    rabbitmq_url: str, stream_port: int, certificates: Path, host: str, signed_by_ours: bool
) -> None:
    trusted = certificates / "ca.pem" if signed_by_ours else None
    assert urlsplit(rabbitmq_url).hostname
    with speaking_tls(certificates, host, stream_port) as (port, heard):
        address = StreamAddress.beside(amqps(rabbitmq_url, 5671), port, ca_file=trusted)
        with pytest.raises(StreamLostError) as lost:
            StreamBroker(address, "counting", lambda: pytest.fail("nobody asks by AMQP"))
        assert isinstance(lost.value.__cause__, StreamLostError)
        assert isinstance(lost.value.__cause__.__cause__, ssl.SSLError)
        assert heard == []
