"""Another client of the stream protocol reads what is written here, and is read: rstream, which is not ours."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from infirmary_streams.received import Received, received
from tests.integration.streams.client import TIMEOUT_S, Client
from tests.integration.streams.node import StreamNode
from tests.integration.streams.test_amqp_0_9_1 import BODY, SEQUENCE, WRITTEN, written

rstream = pytest.importorskip("rstream", reason="rstream is not installed: `make setup`")


def account(node: StreamNode) -> dict[str, Any]:
    address = node.address()
    return {
        "host": address.host,
        "port": address.port,
        "vhost": address.virtual_host,
        "username": address.user,
        "password": address.password,
    }


def read(node: StreamNode, log: str, count: int) -> list[Any]:
    """Messages as rstream decodes them, read by rstream."""
    found: list[Any] = []

    async def reading() -> None:
        consumer = rstream.Consumer(**account(node))
        enough = asyncio.Event()

        def note(message: Any, _: object) -> None:
            found.append(message)
            if len(found) == count:
                enough.set()

        first = rstream.ConsumerOffsetSpecification(rstream.OffsetType.FIRST, None)
        await consumer.start()
        await consumer.subscribe(log, note, decoder=rstream.amqp_decoder, offset_specification=first)
        try:
            await asyncio.wait_for(enough.wait(), TIMEOUT_S)
        finally:
            await consumer.close()

    asyncio.run(reading())
    return found


def publish(node: StreamNode, log: str, *messages: Any, compression: Any = None) -> None:
    """Publishes by rstream, in a sub-entry where a compression is given, and waits for the confirms."""

    async def publishing() -> None:
        async with rstream.Producer(**account(node)) as producer:
            if compression is None:
                for message in messages:
                    await producer.send_wait(log, message)
                return
            confirmed = asyncio.Event()

            def note(_: object) -> None:
                confirmed.set()

            await producer.send_sub_entry(
                log, sub_entry_messages=list(messages), compression_type=compression, on_publish_confirm=note
            )
            await asyncio.wait_for(confirmed.wait(), TIMEOUT_S)

    asyncio.run(publishing())


def test_rstream_reads_what_is_written_here(node: StreamNode, client: Client, log: str) -> None:
    client.write(log, written(), written())
    for message in read(node, log, 2):
        assert _plain(message.body) == BODY
        properties = message.properties
        assert _plain(properties.message_id) == WRITTEN["message_id"].encode()
        assert _plain(properties.correlation_id) == WRITTEN["correlation_id"].encode()
        assert _plain(properties.content_type) == b"application/json"
        assert _plain(properties.group_id) == b"ward"
        assert properties.creation_time == int(WRITTEN["time"].timestamp()) * 1000
        headers = {_plain(key): _plain(value) for key, value in message.application_properties.items()}
        assert headers == {
            b"x-basic-type": b"BedReserved",
            b"x-basic-app-id": b"ward",
            b"sequence": SEQUENCE,
            b"parts": 4,
            b"subject": WRITTEN["subject"].encode(),
            b"time": WRITTEN["time"].isoformat(timespec="microseconds").encode(),
            **{
                key.encode(): WRITTEN[key].encode()
                for key in ("dataschema", "traceparent", "tracestate", "causation_id")
            },
        }
        annotations = {_plain(key): _plain(value) for key, value in message.message_annotations.items()}
        assert annotations == {b"x-basic-delivery-mode": 2, b"x-basic-type": b"BedReserved"}


def test_what_rstream_writes_is_read_here(node: StreamNode, client: Client, log: str) -> None:
    message = rstream.AMQPMessage(
        body=b"body",
        properties=rstream.Properties(
            message_id="m-1", correlation_id="c-1", content_type="text/plain", creation_time=1_700_000_000_999
        ),
        application_properties={"text": "ä", "real": 1.5, "int": 5, "long": 1 << 40, "yes": True},
    )
    publish(node, log, message, rstream.AMQPMessage(body=b"only a body"))
    full, bare = client.read(log, 2)
    assert received(full) == Received(
        {
            "message_id": "m-1",
            "correlation_id": "c-1",
            "content_type": "text/plain",
            "timestamp": 1_700_000_000,
            "application_headers": {"text": "ä", "real": 1.5, "int": 5, "long": 1 << 40, "yes": True},
        },
        b"body",
    )
    assert received(bare) == Received({"application_headers": {}}, b"only a body")


def test_ids_of_other_types_that_rstream_writes_are_text_here(node: StreamNode, client: Client, log: str) -> None:
    publish(node, log, rstream.AMQPMessage(body=b"", properties=rstream.Properties(message_id=UUID(int=7))))
    (message,) = client.read(log, 1)
    assert received(message).properties["message_id"] == str(UUID(int=7))


@pytest.mark.parametrize("compression", ["No", "Gzip"])
def test_sub_entries_of_rstream_are_read_here(node: StreamNode, client: Client, log: str, compression: str) -> None:
    messages = [rstream.AMQPMessage(body=b"%d" % at) for at in range(50)]
    publish(node, log, *messages, compression=getattr(rstream.CompressionType, compression))
    assert [received(each).body for each in client.read(log, 50)] == [b"%d" % at for at in range(50)]


def _plain(value: Any) -> Any:
    """Texts as bytes, in whatever form they are given out."""
    if isinstance(value, list):
        (value,) = value
    return value.encode() if isinstance(value, str) else value
