"""Messages as a document embeds them: the contract with the relay, docs/outbox-contract.md. Pure."""

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from services.chassis.envelope import Outgoing
from services.chassis.wire import SEQUENCE_OFFSET

_SEQUENCE = struct.Struct(">q")


def rows(messages: Sequence[Outgoing]) -> list[dict[str, Any]]:
    """Returns the messages of a new document, its events numbered 1, 2, 3 ... per subject."""
    events: Counter[str] = Counter()
    embedded = []
    for message in messages:
        sequence = None
        if message.sequenced:
            events[message.subject] += 1
            sequence = events[message.subject]
        embedded.append(_row(message, sequence))
    return embedded


def fields(messages: Sequence[Outgoing]) -> dict[str, Any]:
    """Returns the outbox of a new document; the document's subject is that of its first message."""
    if not messages:
        return {}
    first = messages[0]
    return {"outbox": rows(messages), "outbox_partition": first.partition, "outbox_since": first.created_at}


def _row(message: Outgoing, sequence: int | None) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "target": message.target,
        "type": message.type,
        "subject": message.subject,
        "sequence": sequence,
        "header": message.header if sequence is None else numbered(message.header, sequence),
        "body": message.body,
        "created_at": message.created_at,
    }


def numbered(header: bytes, sequence: int) -> bytes:
    """Returns an event's encoded header with its sequence put in."""
    patched = bytearray(header)
    _SEQUENCE.pack_into(patched, SEQUENCE_OFFSET, sequence)
    return bytes(patched)
