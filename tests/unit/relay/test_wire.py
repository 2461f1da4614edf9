"""What is written to the broker is AMQP, however a message is cut, and what comes back is read however it is cut."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.broker.wire import CONTENT_BODY, CONTENT_HEADER, METHOD, Encoder, FrameReader, method_frame
from infirmary_relay.headers.content_header import header_prefix
from infirmary_relay.message import Row, Unfit
from infirmary_streams import amqp10, sections
from tests.unit.relay.written_headers import KNOWN, by_amqp, by_streams

FRAME_MAX = 4096


def message(number: int, body: bytes, target: str = "log", header: bytes | None = None) -> Row:
    given_header = header_prefix(len(body)) + b"\0\0" if header is None else header
    return (number, target, "s", number.to_bytes(16, "big"), given_header, body)


def frames_of(data: bytes) -> list[tuple[int, bytes]]:
    return list(FrameReader().feed(data))


@given(st.lists(st.tuples(st.sampled_from(("log", "queue", "ärzte.inbox")), st.binary(max_size=9000)), max_size=6))
def test_every_message_is_a_publish_a_header_and_its_body(messages: list[tuple[str, bytes]]) -> None:
    rows = [message(number, body, target) for number, (target, body) in enumerate(messages)]
    encoded = Encoder(1, FRAME_MAX).encode(rows)
    assert encoded.rows == rows
    read: list[tuple[str, bytes]] = []
    for kind, payload in frames_of(encoded.buffer):
        assert len(payload) <= FRAME_MAX - 8
        if kind == METHOD:
            name_end = 8 + payload[7]
            assert payload[:7] == struct.pack(">HHHB", 60, 40, 0, 0)
            assert payload[name_end:] == b"\x01", "mandatory, not immediate"
            read.append((payload[8:name_end].decode(), b""))
        elif kind == CONTENT_HEADER:
            assert payload[:2] == b"\0\x3c"
        else:
            assert kind == CONTENT_BODY
            read[-1] = (read[-1][0], read[-1][1] + payload)
    assert read == messages


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_frames_are_read_however_the_bytes_arrive(payloads: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(method_frame(1, 60, 80, payload) for payload in payloads)
    reader, read = FrameReader(), []
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        read += list(reader.feed(sent[:size]))
        sent = sent[size:]
    assert [payload[4:] for _, payload in read] == payloads


def test_bytes_that_are_no_frame_are_an_error() -> None:
    with pytest.raises(ValueError, match="end"):
        frames_of(b"\x01\0\1\0\0\0\x01xx" + b"\0" * 8)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (message(1, b"", header=Unfit("it is odd")), "it is odd"),
        (message(1, "text"), "TypeError"),  # type: ignore[arg-type]
        (message(1, b"four", target="\ud800"), "UnicodeEncodeError"),
        (message(1, b"four", header=header_prefix(5) + b"\0\0"), "does not announce"),
        (message(1, b"four", header=b""), "does not announce"),
        (message(1, b"four", header=header_prefix(4) + b"\0" * FRAME_MAX), "room for"),
        (message(1, b"four", target="q" * 256), "255"),
        (message(1, b"four", header=KNOWN[:-1]), "none of the outbox contract"),
        (message(1, b"four", header=sections.with_body(KNOWN, b"four")), "none of the outbox contract"),
        (message(1, b"four", header=amqp10.map_section(0x74, b"\xa1\x01a\x98" + bytes(16), 1)), "not every reader"),
    ],
)
def test_what_the_broker_could_not_read_is_kept_out_of_the_batch(row: Row, reason: str) -> None:
    good = (*message(2, b"good")[:2], "another subject", *message(2, b"good")[3:])
    encoded = Encoder(1, FRAME_MAX).encode([row, good])
    assert encoded.rows == [good]
    assert reason in str(encoded.unfit[0][1])
    assert encoded.buffer == Encoder(1, FRAME_MAX).encode([good]).buffer


def test_what_stands_behind_one_that_cannot_be_sent_waits_with_it() -> None:
    odd, behind = message(1, b"four", header=b""), message(2, b"good")
    encoded = Encoder(1, FRAME_MAX).encode([odd, behind])
    assert (encoded.rows, encoded.buffer) == ([], b"")
    assert [row for row, _ in encoded.unfit] == [odd, behind]
    assert encoded.unfit[1][1] is None


@given(st.lists(st.tuples(st.binary(max_size=9000), st.booleans()), min_size=1, max_size=6))
def test_headers_of_both_versions_go_to_one_queue(messages: list[tuple[bytes, bool]]) -> None:
    rows = [message(at, body, header=KNOWN if is_new else None) for at, (body, is_new) in enumerate(messages)]
    encoded = Encoder(1, FRAME_MAX).encode(rows)
    assert encoded.rows == rows
    headers = [payload for kind, payload in frames_of(encoded.buffer) if kind == CONTENT_HEADER]
    for header, (body, is_new) in zip(headers, messages, strict=True):
        assert header.startswith(header_prefix(len(body)))
        assert by_amqp(header) == (by_streams(KNOWN) if is_new else {})
