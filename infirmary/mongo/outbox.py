"""Messages as a document embeds them: the contract with the relay, docs/outbox-contract.md. Pure."""

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from infirmary.transport.envelope import Outgoing

_SEQUENCE = struct.Struct(">q")


def rows(messages: Sequence[Outgoing], counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """Returns messages as a document embeds them, numbered in each log and subject.

    Args:
        messages: All of their subjects but those of replies are told of in this document only.
        counted: How many were numbered before, by what they are counted under; none unless it says so.
    """
    last: Counter[str] = Counter(counted)
    embedded = []
    for message in messages:
        last[message.counted_as] += 1
        embedded.append(row(message, last[message.counted_as]))
    return embedded


def fields(messages: Sequence[Outgoing], counted: Mapping[str, int]) -> dict[str, Any]:
    """Returns the outbox of a new document; the document's partition is that of its first message."""
    if not messages:
        return {}
    first = messages[0]
    return {"outbox": rows(messages, counted), "outbox_partition": first.partition, "outbox_since": first.created_at}


def row(message: Outgoing, sequence: int) -> dict[str, Any]:
    """Returns one message as a document embeds it."""
    return {
        "message_id": message.message_id,
        "target": message.target,
        "type": message.type,
        "subject": message.subject,
        "sequence": sequence,
        "header": message.header + _SEQUENCE.pack(sequence),
        "body": message.body,
        "created_at": message.created_at,
    }
