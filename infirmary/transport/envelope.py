"""A message with the attributes that travel beside its body: on the way out, and as it came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zlib import crc32

from infirmary.identifiers import new_id, time_of
from infirmary.messages import Command, Event, Message, Notice, Reply, check_own, encode
from infirmary.tracing.causation import Causation
from infirmary.transport.log_names import events_of, home, log_to, part_name
from infirmary.transport.write_options import MESSAGE_MAX_BYTES, SCHEMA_URN
from infirmary_streams.sections import encoded

LAST_SEQUENCE = 2**62
"""No publisher comes so far, and what follows can still be counted in 64 bits."""

MAX_SUBJECT_CHARACTERS = 255
"""The longest subject that readers take."""

PARTITIONS = 64
"""Into how many partitions an outbox is split; fixed for ever, because a subject must never change its partition."""


class MalformedMessage(ValueError):
    """A message lacks an attribute or a field that it must have, or holds one of the wrong kind."""


class MessageTooLarge(ValueError):
    """A message is larger than MESSAGE_MAX_BYTES allows; nothing of its transaction is kept."""

    def __init__(self, message_type: str, size: int, limit: int) -> None:
        super().__init__(
            f"{message_type} has {size:,} bytes, and MESSAGE_MAX_BYTES allows {limit:,};"
            " say less, or tell where the rest is"
        )


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One row of the outbox, but for the sequence, which the database gives out.

    `counted_as` is what the database counts the sequence under. `header` is all of the row's header but its last 8
    bytes: the database adds them, the sequence, big-endian, when it has given it out, so that numbering needs no round
    trip of its own. `ends` says that nothing is expected to follow of the subject.
    """

    partition: int
    message_id: UUID
    target: str
    type: str
    subject: str
    counted_as: str
    header: bytes
    body: bytes
    created_at: datetime
    traceparent: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came from a log, its attributes checked, its body not yet read.

    `time` is when it was written, as whoever sent it says, whatever that may be; `unix_time` reads it.

    `state` is None for news. A state message tells again how its subject is, and stands for the sequence that it has:
    of the state messages that belong together so many are still to come, itself among them. 0 is the last word of one
    who has told the state of all subjects.

    `ends` says that its writer expects nothing to follow of the subject, whose id tells when it began.
    """

    message_id: UUID
    source: str
    type: str
    subject: str
    sequence: int | None
    correlation_id: str | None
    traceparent: str | None
    tracestate: str | None
    body: bytes
    time: object = None
    state: int | None = None
    ends: bool = False

    def attributes(self) -> dict[str, Any]:
        """Returns the attributes as JSON, to be kept while the message is parked."""
        return {
            "message_id": str(self.message_id),
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "sequence": self.sequence,
            "correlation_id": self.correlation_id,
            "traceparent": self.traceparent,
            "tracestate": self.tracestate,
            "time": _optional_text({"time": self.time}, "time"),
            "state": self.state,
            "ends": self.ends,
        }


def partition_of(subject: str) -> int:
    """Returns the partition of a subject: crc32 of its UTF-8 bytes, modulo 64."""
    return crc32(subject.encode()) % PARTITIONS


def outgoing(
    message: Message,
    *,
    source: str,
    cause: Causation,
    to: str | None = None,
    parts: int = 1,
    max_bytes: int = MESSAGE_MAX_BYTES,
    schema_urn: str = SCHEMA_URN,
    state: int | None = None,
) -> Outgoing:
    """Returns the outbox row for an event, a command, a reply or a notice.

    Args:
        message: An event of `source`, a command of its saga, or a reply or a notice (which need `to`).
        source: The service that writes it.
        cause: What led to it.
        to: Whom a reply or a notice goes to; of other messages their own declaration says it.
        parts: Into how many parts the log of the events of `source` is split.
        max_bytes: The largest body.
        schema_urn: How the name of the message's schema begins.
        state: How many events from this one on tell again how its subject is; None for news.

    Raises:
        MessageTooLarge: The body is larger.
        Misdeclared: The message is not `source`'s own to write.
        ValueError: The subject is none that readers take, or a property is longer than AMQP allows (255 bytes).
    """
    if isinstance(message, Event):
        check_own(type(message), source)
        subject = message.subject()
        if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or "\x00" in subject:
            raise ValueError(
                f"{type(message).__name__}: its subject should be 1 to {MAX_SUBJECT_CHARACTERS} characters without NUL,"
                f" not {subject!r:.80}"
            )
        target, counted_as = part_name(events_of(source), home(partition_of(subject), parts)), subject
    elif isinstance(message, Command):
        check_own(type(message), source)
        target, subject = log_to(source, message.contract.peer), str(message.saga_id)
        counted_as, parts = counted_in(target, subject), 1
    elif isinstance(message, Reply | Notice) and to is not None:
        target, subject = log_to(source, to), str(message.saga_id if isinstance(message, Reply) else message.track)
        counted_as, parts = counted_in(target, subject), 1
    else:
        raise TypeError(
            f"{type(message).__name__} is neither an event, nor a command, nor a reply or notice to somebody"
        )
    ends = isinstance(message, Event) and message.ends_subject()
    body = encode(message)
    if len(body) > max_bytes:
        raise MessageTooLarge(type(message).__name__, len(body), max_bytes)
    message_id, name, now = new_id(), type(message).__name__, datetime.now(UTC)
    traceparent = cause.next_traceparent()
    header = encoded(
        message_id=str(message_id),
        source=source,
        message_type=name,
        subject=subject,
        time=now,
        dataschema=f"{schema_urn}:{source}:{name}",
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=traceparent,
        tracestate=cause.tracestate,
        parts=parts,
        state=state,
        ends=ends,
    )
    partition = partition_of(subject)
    return Outgoing(partition, message_id, target, name, subject, counted_as, header, body, now, traceparent, ends)


def counted_in(log: str, subject: str) -> str:
    """Returns what the sequence of a saga's messages in a log of commands is counted under.

    An event is counted under its subject alone. No subject has a blank in such a place.
    """
    return f"{log} {subject}"


def incoming(properties: Mapping[str, Any], body: bytes) -> Incoming:
    """Returns a received message with its attributes checked.

    Args:
        properties: AMQP properties by py-amqp's names; `application_headers` holds the headers.
        body: The body, unread.

    Raises:
        MalformedMessage: An attribute is missing or of the wrong kind; the text says which.
    """
    headers = properties.get("application_headers")
    headers = headers if isinstance(headers, Mapping) else {}
    sequence = headers.get("sequence")
    if sequence is not None and not (type(sequence) is int and 1 <= sequence <= LAST_SEQUENCE):
        raise MalformedMessage(f"header sequence must be an integer from 1 to {LAST_SEQUENCE}, not {sequence!r:.80}")
    subject = _text(headers, "subject", "header subject")
    return Incoming(
        message_id=_uuid(properties, "message_id"),
        source=_text(properties, "app_id", "property app_id (the source)"),
        type=_text(properties, "type", "property type"),
        subject=subject,
        sequence=sequence,
        correlation_id=_optional_text(properties, "correlation_id"),
        traceparent=_optional_text(headers, "traceparent"),
        tracestate=_optional_text(headers, "tracestate"),
        body=body,
        time=headers.get("time"),
        state=_state(headers.get("state")),
        ends=headers.get("ends") == 1 and time_of(subject) is not None,
    )


def stored(attributes: Mapping[str, Any], body: bytes) -> Incoming:
    """Returns a message that was parked with `Incoming.attributes`."""
    return Incoming(
        message_id=UUID(attributes["message_id"]),
        **{key: attributes[key] for key in ("source", "type", "subject", "sequence", "correlation_id", "traceparent")},
        tracestate=attributes.get("tracestate"),  # not known to those who parked messages before
        body=body,
        time=attributes.get("time"),  # those parked by an earlier release have none
        state=attributes.get("state"),
        ends=attributes.get("ends", False),
    )


def unix_time(written: object) -> float | None:
    """Returns a message's `time` in unix time; None where it is none, or none with an offset."""
    try:
        at = datetime.fromisoformat(written)  # type: ignore[arg-type]  # a TypeError is one of the answers
        return at.timestamp() if at.tzinfo is not None else None
    except (TypeError, ValueError, OverflowError):
        return None


def _is_storable(text: str) -> bool:
    """Says whether databases and the wire take a text: they take neither NUL nor half of a surrogate pair."""
    return "\x00" not in text and text.encode(errors="replace").decode() == text


def _text(values: Mapping[str, Any], key: str, label: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT_CHARACTERS or not _is_storable(value):
        raise MalformedMessage(f"{label} must be 1 to 255 characters of text, not {value!r:.80}")
    return value


def _optional_text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and _is_storable(value) else None


def _state(told: object) -> int | None:
    """Returns how many state messages are still to come; whatever else a publisher calls so makes an event no less."""
    return told if type(told) is int and 0 <= told <= LAST_SEQUENCE else None


def _uuid(values: Mapping[str, Any], key: str) -> UUID:
    try:
        return UUID(str(values.get(key)))
    except ValueError as error:
        raise MalformedMessage(f"property {key} must be a UUID, not {values.get(key)!r:.80}") from error
