"""Rows of either version of the contract, and without a header, in one subject: a reader sees no difference."""

from datetime import UTC, datetime
from uuid import uuid4

from benchmarks.version_1 import as_version_1
from infirmary_streams.sections import encoded
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import until_delivered
from tests.integration.relay.outboxes import Message, Outbox

MOMENT = datetime(2026, 11, 26, 12, 30, 15, 250_000, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def header(service: str, message_id: str, sequence: int) -> bytes:
    """A header of version 2 as the library writes it."""
    sections = encoded(
        message_id=message_id, source=service, message_type="Noted", subject="p", time=MOMENT, correlation_id="story",
        dataschema="urn:x:Noted", traceparent=TRACE, tracestate="a=1", causation_id="cause", parts=2,
    )  # fmt: skip
    return sections + sequence.to_bytes(8, "big")


def test_a_reader_by_amqp_sees_the_same_of_rows_of_either_version(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log, message_id = f"{service}.events", str(uuid4())
    headers = [header(service, message_id, number) for number in (1, 2, 4)]
    headers[0] = as_version_1(headers[0], len(b"body"))
    first, second, fourth = (Message(log, "p", n, b"body", each) for n, each in zip((1, 2, 4), headers, strict=True))
    outbox.write([first, second, Message(log, "p", 3, b"body"), fourth])
    start_relay(outbox)
    until_delivered(outbox)
    read = broker.messages(log)
    assert [each.properties["application_headers"]["sequence"] for each in read] == [1, 2, 3, 4]
    assert {(each.properties["type"], each.properties["app_id"], bytes(each.body)) for each in read} == {
        ("Noted", service, b"body")
    }
    for each, sequence in ((read[0], 1), (read[1], 2), (read[3], 4)):
        headers_read = each.properties["application_headers"]
        told = {name: value for name, value in headers_read.items() if not name.startswith("x-")}
        assert each.properties | {"application_headers": told} == {
            "message_id": message_id,
            "type": "Noted",
            "app_id": service,
            "content_type": "application/json",
            "correlation_id": "story",
            "delivery_mode": 2,
            "timestamp": int(MOMENT.timestamp()),
            "application_headers": {
                "subject": "p",
                "sequence": sequence,
                "time": "2026-11-26T12:30:15.250000+00:00",
                "dataschema": "urn:x:Noted",
                "traceparent": TRACE,
                "tracestate": "a=1",
                "causation_id": "cause",
                "parts": 2,
            },
        }
