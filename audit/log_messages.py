"""Reads one message of a log, whatever somebody has put into it."""

import json
import sys
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import amqp

from audit.facts import LogMessage

UNREADABLE = "unreadable"
OFFSET = "x-stream-offset"

_ASKED_FOR = ("patient_id", "medication_code", "ward_id", "admission_id")


def is_of_a_log(raw: amqp.Message) -> bool:
    """Says whether a message came from a stream: a queue of another kind gives no offset."""
    return isinstance((raw.properties.get("application_headers") or {}).get(OFFSET), int)


def offset_of(properties: dict[str, Any]) -> int:
    """Returns a message's place in its log."""
    return int(properties["application_headers"][OFFSET])


def read_message(properties: dict[str, Any], body: bytes | str) -> LogMessage:
    """Returns a message of a log; one that is none of ours has the type `unreadable` and no source."""
    headers = properties.get("application_headers") or {}
    offset = offset_of(properties)
    try:
        return LogMessage(
            offset=offset,
            message_id=UUID(properties["message_id"]),
            source=_text(properties["app_id"]),
            type=_text(properties["type"]),
            subject=_text(headers["subject"]),
            sequence=_sequence(headers.get("sequence")),
            correlation_id=properties.get("correlation_id"),
            at=datetime.fromisoformat(headers["time"]),
            body=_object(body),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return LogMessage(offset, UUID(int=0), source="", type=UNREADABLE, subject="", sequence=None)


def what_checks_ask(message: LogMessage) -> LogMessage:
    """Returns a message with that part of its body only which a check asks for: a log's past must fit into memory."""
    body = {name: message.body[name] for name in _ASKED_FOR if name in message.body}
    return replace(message, correlation_id=None, body=body)


def _text(value: object) -> str:
    """Returns a text that many messages have in common only once."""
    if not isinstance(value, str):
        raise TypeError("should be a text")
    return sys.intern(value)


def _sequence(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TypeError("should be a whole number from 1 on")
    return value


def _object(body: bytes | str) -> dict[str, Any]:
    found = json.loads(body)
    if not isinstance(found, dict):
        raise TypeError("should be an object")
    return found
