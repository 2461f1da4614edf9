"""Messages as a document embeds them: the contract with the relay, docs/outbox-contract.md. Pure."""

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from services.chassis.envelope import Outgoing
from services.chassis.wire import SEQUENCE_OFFSET

_SEQUENCE = struct.Struct(">q")


def rows(messages: Sequence[Outgoing], counted: int = 0) -> list[dict[str, Any]]:
    """Returns messages as a document embeds them, numbered 1, 2, 3 ... in each log and subject.

    Args:
        messages: They are all that a new document tells; or replies of one saga, which go to one peer.
        counted: How many such replies there were before.
    """
    last: Counter[str] = Counter()
    embedded = []
    for message in messages:
        last[message.counted_as] += 1
        embedded.append(_row(message, counted + last[message.counted_as]))
    return embedded


def fields(messages: Sequence[Outgoing]) -> dict[str, Any]:
    """Returns the outbox of a new document; the document's partition is that of its first message."""
    if not messages:
        return {}
    first = messages[0]
    return {"outbox": rows(messages), "outbox_partition": first.partition, "outbox_since": first.created_at}


def _row(message: Outgoing, sequence: int) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "target": message.target,
        "type": message.type,
        "subject": message.subject,
        "sequence": sequence,
        "header": numbered(message.header, sequence),
        "body": message.body,
        "created_at": message.created_at,
    }


def numbered(header: bytes, sequence: int) -> bytes:
    """Returns a message's encoded header with its sequence put in."""
    patched = bytearray(header)
    _SEQUENCE.pack_into(patched, SEQUENCE_OFFSET, sequence)
    return bytes(patched)
