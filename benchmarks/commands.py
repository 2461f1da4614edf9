"""Commands as an orchestrator's relay sends them, published straight into its log for a participant."""

import json
import secrets
from datetime import UTC, datetime

from benchmarks.rows import AGGREGATES
from benchmarks.version_1 import as_version_1
from infirmary.identifiers import new_id
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.publisher import QueuePublisher
from infirmary_relay.message import Row
from infirmary_streams.sections import encoded as sections

_BATCH_MESSAGES = 500


def send_commands(rabbitmq_url: str, log: str, sender: str, message_type: str, count: int) -> None:
    """Publishes so many commands, each the first of a saga of its own, and waits for their confirms."""
    publisher = QueuePublisher(BrokerAddress.parse(rabbitmq_url), name="benchmark commands")
    rows = [_command(log, sender, message_type, number % AGGREGATES + 1) for number in range(count)]
    confirmed = sent = 0
    while confirmed < count:
        if sent < count and publisher.has_room(2):
            publisher.publish(rows[sent : sent + _BATCH_MESSAGES])
            sent += _BATCH_MESSAGES
        confirmed += sum(len(window.receipts().confirmed) for window in publisher.settled())
    publisher.close()


def _command(log: str, sender: str, message_type: str, aggregate_id: int) -> Row:
    saga_id, message_id = new_id(), new_id()
    body = {"saga_id": str(saga_id), "step": "change", "attempt": 1, "reply_to": sender, "aggregate_id": aggregate_id}
    encoded = json.dumps(body).encode().ljust(256)
    header = sections(
        message_id=str(message_id),
        source=sender,
        message_type=message_type,
        subject=str(saga_id),
        time=datetime.now(UTC),
        dataschema=f"urn:infirmary:{sender}:{message_type}",
        correlation_id=str(saga_id),
        causation_id=str(saga_id),
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00",
    )
    header = as_version_1(header + (1).to_bytes(8, "big"), len(encoded))
    return (message_id, log, str(saga_id), message_id.bytes, header, encoded)
