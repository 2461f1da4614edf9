"""A message's attributes: what goes out comes in, and what is wrong with one is said by its name."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.messages import Command, Event, Message, Reply, publishes, sends
from infirmary.printable import printable
from infirmary.tracing.causation import causation_of
from infirmary.transport.body import read_body
from infirmary.transport.envelope import (
    LAST_SEQUENCE,
    PARTITIONS,
    Incoming,
    MalformedMessage,
    Outgoing,
    incoming,
    outgoing,
    partition_of,
    stored,
)
from infirmary_streams.received import received
from infirmary_streams.sections import with_body

PATIENT = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
SAGA = UUID("0190163d-8694-739b-aea5-966c26f8ad91")
CAUSE = causation_of("admission-7", "the-request", None)

PROPERTIES: dict[str, Any] = {
    "message_id": "0190163d-8694-739b-aea5-966c26f8ad92",
    "app_id": "patient",
    "type": "PatientCame",
    "correlation_id": "admission-7",
    "application_headers": {"subject": str(PATIENT), "sequence": 1, "traceparent": "00-1-2-01"},
}


@publishes(subject="patient_id")
class PatientCame(Event):
    """An event for these tests."""

    patient_id: UUID
    ward: str


@sends("ward")
class MakeRoom(Command):
    """A command for these tests."""

    beds: int


def delivered(row: Outgoing, sequence: int) -> Incoming:
    """Returns what a consumer gets of an outbox row, which the database has given a sequence."""
    message = received(with_body(row.header + sequence.to_bytes(8, "big"), row.body))
    return incoming(message.properties, message.body)


def with_header(name: str, value: object) -> dict[str, Any]:
    return PROPERTIES | {"application_headers": PROPERTIES["application_headers"] | {name: value}}


def without_header(name: str) -> dict[str, Any]:
    kept = {key: value for key, value in PROPERTIES["application_headers"].items() if key != name}
    return PROPERTIES | {"application_headers": kept}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PROPERTIES.items() if key != name}


@given(ward=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])), sequence=st.integers(1, LAST_SEQUENCE))
def test_an_event_comes_in_as_it_went_out(ward: str, sequence: int) -> None:
    event = PatientCame(patient_id=PATIENT, ward=ward)
    row = outgoing(event, source="patient", cause=CAUSE)
    message = delivered(row, sequence)
    assert (row.target, row.counted_as, row.partition) == ("patient.events", str(PATIENT), partition_of(str(PATIENT)))
    in_four = outgoing(event, source="patient", cause=CAUSE, parts=4)
    assert (in_four.target, in_four.partition) == (f"patient.events.{47 % 4}", row.partition)
    assert (message.message_id, message.source, message.type) == (row.message_id, "patient", "PatientCame")
    assert (message.subject, message.sequence) == (str(PATIENT), sequence)
    assert read_body(PatientCame, message.body) == event


def test_a_command_goes_to_the_log_for_its_receiver_and_is_about_its_saga() -> None:
    command = MakeRoom(saga_id=SAGA, step="bed", attempt=1, reply_to="admission", beds=2)
    row = outgoing(command, source="admission", cause=CAUSE)
    message = delivered(row, 3)
    assert (row.target, row.subject, row.counted_as) == ("admission.to.ward", str(SAGA), f"admission.to.ward {SAGA}")
    assert message.sequence == 3
    assert read_body(MakeRoom, message.body) == command


def test_a_reply_goes_where_it_is_told_to() -> None:
    reply = Reply(saga_id=SAGA, step="bed", attempt=1, outcome="refused", reason="no bed")
    row = outgoing(reply, source="ward", cause=CAUSE, to="admission")
    assert (row.target, row.subject, row.type) == ("ward.to.admission", str(SAGA), "Reply")
    assert read_body(Reply, delivered(row, 1).body) == reply


def test_a_reply_to_nobody_is_a_mistake_in_the_program() -> None:
    reply = Reply(saga_id=SAGA, step="bed", attempt=1, outcome="done")
    with pytest.raises(TypeError, match="Reply"):
        outgoing(reply, source="ward", cause=CAUSE)


def test_a_message_carries_its_cause_and_a_span_of_its_own() -> None:
    message = delivered(outgoing(PatientCame(patient_id=PATIENT, ward="w"), source="patient", cause=CAUSE), 1)
    assert message.correlation_id == CAUSE.correlation_id
    assert message.traceparent is not None
    assert message.traceparent[:35] == CAUSE.traceparent[:35]
    assert message.traceparent != CAUSE.traceparent


def test_a_message_carries_on_what_others_added_to_the_trace_and_keeps_it_while_it_is_parked() -> None:
    cause = causation_of("admission-7", None, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "foo=1,bar=2")
    message = delivered(outgoing(PatientCame(patient_id=PATIENT, ward="w"), source="patient", cause=cause), 1)
    assert message.tracestate == "foo=1,bar=2"
    assert stored(message.attributes(), message.body) == message
    assert (
        delivered(outgoing(PatientCame(patient_id=PATIENT, ward="w"), source="patient", cause=CAUSE), 1).tracestate
        is None
    )


def test_a_message_that_was_parked_by_an_older_release_is_read() -> None:
    known = delivered(outgoing(PatientCame(patient_id=PATIENT, ward="w"), source="patient", cause=CAUSE), 1)
    parked = {key: value for key, value in known.attributes().items() if key != "tracestate"}
    assert stored(parked, known.body) == known


@pytest.mark.parametrize(
    ("properties", "attribute"),
    [
        (without("message_id"), "property message_id"),
        (PROPERTIES | {"message_id": "17"}, "property message_id"),
        (PROPERTIES | {"message_id": None}, "property message_id"),
        (without("app_id"), "property app_id"),
        (PROPERTIES | {"app_id": ""}, "property app_id"),
        (without("type"), "property type"),
        (PROPERTIES | {"type": 7}, "property type"),
        (PROPERTIES | {"type": "x" * 256}, "property type"),
        (without("application_headers"), "header subject"),
        (PROPERTIES | {"application_headers": "none"}, "header subject"),
        (without_header("subject"), "header subject"),
        (with_header("subject", "a\x00b"), "header subject"),
        (with_header("sequence", "1"), "header sequence"),
        (with_header("sequence", 0), "header sequence"),
        (with_header("sequence", True), "header sequence"),
        (with_header("sequence", -1), "header sequence"),
        (with_header("sequence", 1.0), "header sequence"),
        (with_header("sequence", 2**63 - 1), "header sequence"),
        (with_header("sequence", datetime(2026, 1, 1, tzinfo=UTC)), "header sequence"),
    ],
)
def test_a_malformed_attribute_is_named(properties: dict[str, Any], attribute: str) -> None:
    with pytest.raises(MalformedMessage, match=f"^{attribute}"):
        incoming(properties, b"{}")


@given(
    st.dictionaries(
        st.sampled_from(["message_id", "app_id", "type", "correlation_id", "application_headers"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.binary()
        | st.dictionaries(st.sampled_from(["subject", "sequence"]), st.text() | st.integers()),
    )
)
def test_whatever_the_properties_are_they_are_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        message = incoming(PROPERTIES | changes, b"")
    except MalformedMessage:
        return
    assert message.subject
    assert stored(message.attributes(), b"") == message


def test_a_correlation_id_or_trace_that_is_no_text_is_left_out() -> None:
    message = incoming(with_header("traceparent", 7) | {"correlation_id": "a\x00b"}, b"{}")
    assert (message.correlation_id, message.traceparent) == (None, None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no JSON", "PatientCame: Invalid JSON"),
        (b"\xff", "PatientCame: Invalid JSON"),
        (b"[]", "PatientCame: Input should be an object"),
        (b'{"patient_id": "0190163d-8694-739b-aea5-966c26f8ad90"}', "PatientCame.ward: Field required"),
        (b'{"patient_id": "somebody", "ward": 7}', "PatientCame.patient_id: .*; PatientCame.ward: .* valid string"),
    ],
)
def test_a_body_that_cannot_be_read_says_which_class_and_field(body: bytes, words: str) -> None:
    with pytest.raises(MalformedMessage, match=f"^{words}"):
        read_body(PatientCame, body)


def test_a_reader_ignores_fields_that_it_does_not_know() -> None:
    class Little(Message):
        """A reader's view of PatientCame."""

        ward: str

    assert read_body(Little, b'{"ward": "w", "patient_id": "x", "more": []}') == Little(ward="w")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_a_partition_is_one_of_64(subject: str) -> None:
    assert 0 <= partition_of(subject) < PARTITIONS == 64


def test_a_subjects_partition_never_changes() -> None:
    # crc32 as zlib, PostgreSQL's contrib and everybody else has it: the check value of "123456789" is 0xCBF43926.
    assert partition_of("123456789") == 0xCBF43926 % 64
    assert partition_of(str(PATIENT)) == 47


@given(st.dictionaries(st.text(), st.binary() | st.text() | st.integers() | st.datetimes()))
def test_any_properties_can_be_kept_as_json_without_nul(properties: dict[str, Any]) -> None:
    kept = printable(properties)
    assert len(kept) <= len(properties)
    assert "\x00" not in repr(kept)
    assert all("\x00" not in key and (not isinstance(value, str) or "\x00" not in value) for key, value in kept.items())
