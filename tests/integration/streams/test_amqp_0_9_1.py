"""What is written for the stream protocol is read by AMQP 0-9-1 as before, and the other way round."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import amqp
import kombu
import pytest
from amqp.basic_message import Message

from infirmary_streams import codes, commands, publishing, sections
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import RefusedError
from infirmary_streams.received import received
from tests.integration.streams.client import PUBLISHER, Client
from tests.integration.streams.node import StreamNode

SEQUENCE = 77
WRITTEN: dict[str, Any] = {
    "message_id": "0192f0a0-0000-7000-8000-000000000001",
    "source": "ward",
    "message_type": "BedReserved",
    "subject": "bed/ä7",
    "time": datetime(2026, 11, 26, 12, 0, 1, 234_567, UTC),
    "correlation_id": "0192f0a0-0000-7000-8000-000000000002",
    "dataschema": "urn:infirmary:ward:BedReserved",
    "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    "tracestate": "vendor=" + "z" * 400,
    "causation_id": "0192f0a0-0000-7000-8000-000000000003",
    "parts": 4,
}
BODY = b'{"bed": 7}'
MORE_FROM_RABBITMQ_3_13 = {"x-basic-type": "BedReserved", "x-basic-app-id": "ward"}
"""What readers of AMQP 0-9-1 see as well: type and source in the places where RabbitMQ to 3.12 looks for them."""


def shown(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties without what a broker adds."""
    headers = {**properties["application_headers"]}
    headers.pop("x-stream-offset", None)
    return {**properties, "application_headers": headers}


def before() -> dict[str, Any]:
    """What a reader of AMQP 0-9-1 saw when the library wrote messages for that protocol."""
    return {
        "message_id": WRITTEN["message_id"],
        "correlation_id": WRITTEN["correlation_id"],
        "content_type": "application/json",
        "delivery_mode": 2,
        "timestamp": int(WRITTEN["time"].timestamp()),
        "type": "BedReserved",
        "app_id": "ward",
        "application_headers": {
            "sequence": SEQUENCE,
            "time": WRITTEN["time"].isoformat(timespec="microseconds"),
            **{
                key: WRITTEN[key]
                for key in ("subject", "dataschema", "traceparent", "tracestate", "causation_id", "parts")
            },
        },
    }


def written() -> bytes:
    """A message of today."""
    return sections.with_body(sections.encoded(**WRITTEN) + SEQUENCE.to_bytes(8, "big"), BODY)


@pytest.fixture
def channel(node: StreamNode, log: str) -> Iterator[Any]:
    with kombu.Connection(node.url) as connection:
        yield connection.channel()


def read(channel: Any, log: str, count: int, first: int = 0) -> list[Any]:
    found: list[Any] = []
    channel.basic_qos(0, 100, False)
    channel.basic_consume(log, no_ack=False, callback=found.append, consumer_tag="t",
                          arguments={"x-stream-offset": first})  # fmt: skip
    while len(found) < count:
        channel.connection.drain_events(timeout=10)
    return found


def test_a_message_of_the_stream_protocol_looks_as_it_did(
    channel: Any, client: Client, conversation: Conversation, log: str
) -> None:
    client.write(log, written())
    (message,) = read(channel, log, 1)
    expected = before()
    if tuple(map(int, conversation.of_broker["version"].split(".")[:2])) >= (3, 13):
        expected["application_headers"] |= MORE_FROM_RABBITMQ_3_13
    assert shown(message.properties) == expected
    assert message.body == BODY
    types = {key: type(value) for key, value in message.properties["application_headers"].items()}
    assert types["sequence"] is types["parts"] is int


def test_every_field_may_be_missing(channel: Any, client: Client, log: str) -> None:
    few = {key: WRITTEN[key] for key in ("message_id", "source", "message_type", "subject", "time")}
    client.write(log, sections.with_body(sections.encoded(**few, numbered=False), b""))
    (message,) = read(channel, log, 1)
    properties = shown(message.properties)
    assert set(properties) == {
        "message_id", "content_type", "delivery_mode", "timestamp", "type", "app_id", "application_headers",
    }  # fmt: skip
    headers = properties["application_headers"]
    assert {key: headers[key] for key in headers if not key.startswith("x-")} == {
        "subject": "bed/ä7",
        "time": "2026-11-26T12:00:01.234567+00:00",
    }
    assert message.body in ("", b"")


def test_a_message_of_the_library_by_amqp_0_9_1_is_read_as_one_of_today(channel: Any, client: Client, log: str) -> None:
    properties = before()
    channel.confirm_select()
    channel.basic_publish_confirm(Message(BODY, **properties), exchange="", routing_key=log)
    (message,) = client.read(log, 1)
    assert received(message) == received(written())


def test_a_strangers_message_by_amqp_0_9_1_is_read(channel: Any, client: Client, log: str) -> None:
    headers = {"text": "ä", "long": 1 << 40, "int": -5, "real": 1.5, "yes": True, "none": None, "x-mine": "q"}
    properties = {
        "message_id": "m-1",
        "correlation_id": "c-1",
        "content_type": "text/plain",
        "type": "Something",
        "app_id": "stranger",
        "timestamp": 1_700_000_000,
    }
    not_shown = {"reply_to": "r", "priority": 3, "expiration": "60000", "content_encoding": "utf-8", "delivery_mode": 2}
    message = Message("body", application_headers=headers, **properties, **not_shown)
    channel.basic_publish_confirm(message, exchange="", routing_key=log)
    (seen,) = read(channel, log, 1)
    (message,) = client.read(log, 1)
    assert received(message).properties == properties | {"application_headers": headers}
    assert received(message).body == b"body"
    assert shown(seen.properties)["application_headers"] == headers


def test_a_time_among_the_headers_is_in_milliseconds_of_unix_time(channel: Any, client: Client, log: str) -> None:
    """Where AMQP 0-9-1 has seconds, and py-amqp a datetime: the one difference that is known."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    message = Message(b"", application_headers={"at": at})
    channel.basic_publish_confirm(message, exchange="", routing_key=log)
    (message,) = client.read(log, 1)
    assert received(message).properties["application_headers"] == {"at": int(at.timestamp()) * 1000}


def test_a_message_without_properties_is_read(channel: Any, client: Client, log: str) -> None:
    channel.basic_publish_confirm(amqp.Message(b"only a body"), exchange="", routing_key=log)
    (message,) = client.read(log, 1)
    assert received(message).body == b"only a body"
    assert received(message).properties["application_headers"] == {}


@pytest.mark.parametrize("first", [0, 1, 2])
def test_amqp_0_9_1_sees_into_sub_entries(channel: Any, client: Client, log: str, first: int) -> None:
    """From whatever offset; those that are compressed RabbitMQ 4 leaves out, and 3.10 ends the connection over them."""
    bodies = [b"one", b"two", b"alone"]
    messages = [sections.with_body(b"", body) for body in bodies]
    together = b"".join(len(each).to_bytes(4, "big") + each for each in messages[:2])
    head = publishing.sub_entry_head(1, 0x80, 2, len(together), len(together))
    assert client.ask(commands.declare_publisher, PUBLISHER, log).code == codes.OK
    client.publish_entries([head + together])
    client.confirmed(1)
    client.publish({2: messages[2]})
    client.confirmed(1)
    found = read(channel, log, 3 - first, first)
    assert [message.body for message in found] == bodies[first:]
    offsets = [message.properties["application_headers"]["x-stream-offset"] for message in found]
    assert offsets == list(range(first, 3))
    assert [received(message).body for message in client.read(log, 3)] == bodies


LIMITS = {"x-max-length-bytes": 1_000_000, "x-max-age": "7D", "x-stream-max-segment-size-bytes": 500_000}


@pytest.mark.parametrize("limits", [{}, LIMITS])
def test_a_log_of_the_stream_protocol_is_the_one_that_amqp_0_9_1_declares(
    node: StreamNode, conversation: Conversation, limits: dict[str, Any]
) -> None:
    """Relays of both kinds may declare a log, and whoever comes second must find what was declared."""
    told = {key.removeprefix("x-"): str(value) for key, value in limits.items()}
    arguments = {"x-queue-type": "stream", **limits}
    with kombu.Connection(node.url) as connection:
        channel = connection.channel()
        conversation.create("ward.to.bed", told)
        channel.queue_declare("ward.to.bed", durable=True, auto_delete=False, arguments=arguments)
        channel.queue_delete("ward.to.bed")
        channel.queue_declare("ward.to.bed", durable=True, auto_delete=False, arguments=arguments)
        with pytest.raises(RefusedError) as refused:
            conversation.create("ward.to.bed", told)
        assert refused.value.code == codes.STREAM_EXISTS
        channel.queue_delete("ward.to.bed")
