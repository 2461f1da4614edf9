"""What is published to logs is read back as it was in the outbox, however it is put into frames."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.version_1 import as_version_1
from infirmary_relay.message import Row, Unfit
from infirmary_relay.streams.encoder import Encoded, Encoder
from infirmary_streams import sections
from infirmary_streams.received import received
from tests.unit.relay.stream_frames import requests
from tests.unit.streams.described import u64
from tests.unit.streams.test_sections import REQUIRED

FRAME_MAX = 4096
KINDS = ("fit", "fit", "old", "unfit", "odd", "large")


def message(number: int, *, target: str = "log", subject: str = "s", body: bytes = b"{}", kind: str = "fit") -> Row:
    written = REQUIRED | {"message_id": str(number), "subject": subject, "correlation_id": "c"}
    header = sections.encoded(**written) + u64(number)
    if kind == "old":
        header = as_version_1(header, len(body))
    elif kind == "unfit":
        header = Unfit("it is odd")
    elif kind == "odd":
        header = b"\x00\x3d" + header
    elif kind == "large":
        body += bytes(FRAME_MAX)
    return (number, target, subject, number.to_bytes(16, "big"), header, body)


def published(encoder: Encoder, encoded: Encoded) -> dict[str, list[tuple[int, Any]]]:
    """The entries of each target, by their numbers, in the order in which they are written."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for publisher_id, (target, entries) in enumerate(encoded.entries.items()):
        for request in requests(b"".join(encoder.frames(publisher_id, entries))):
            assert (request["command"], request["publisher"]) == ("publish", publisher_id)
            assert request["messages"], "no frame is empty"
            found.setdefault(target, []).extend(request["messages"])
    return found


def sizes_of(frames: bytes) -> list[int]:
    sizes = []
    while frames:
        sizes.append(4 + int.from_bytes(frames[:4], "big"))
        frames = frames[sizes[-1] :]
    return sizes


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("log", "log", "other")),
        st.sampled_from("stu"),
        st.binary(max_size=300) | st.binary(min_size=2000, max_size=2000),
        st.sampled_from(KINDS),
    ),
    max_size=12,
).map(
    lambda told: [
        message(number, target=target, subject=subject, body=body, kind=kind)
        for number, (target, subject, body, kind) in enumerate(told, start=1)
    ]
)


@given(ROWS, st.integers(1, 2**63))
def test_every_message_is_in_its_log_in_its_order_and_what_is_unfit_stops_its_subject_alone(
    rows: list[Row], first: int
) -> None:
    encoder = Encoder(FRAME_MAX)
    encoded = encoder.encode(rows, first)
    stopped: set[str] = set()
    sent: list[Row] = []
    unfit: list[tuple[Row, bool]] = []
    for row in rows:
        is_odd = isinstance(row[4], Unfit) or row[4].startswith(b"\x00\x3d") or len(row[5]) >= FRAME_MAX
        if row[2] in stopped or is_odd:
            unfit.append((row, row[2] not in stopped))
            stopped.add(row[2])
        else:
            sent.append(row)
    assert encoded.rows == sent
    assert [(row, reason is not None) for row, reason in encoded.unfit] == unfit
    numbered = dict(enumerate(sent, start=first))
    found = published(encoder, encoded)
    for target, entries in found.items():
        assert [number for number, _ in entries] == [n for n, row in numbered.items() if row[1] == target]
        for number, content in entries:
            came, row = received(content), numbered[number]
            assert (came.properties["message_id"], came.body) == (str(row[0]), row[5])
            assert came.properties["application_headers"]["sequence"] == row[0]
    assert sum(map(len, found.values())) == len(sent)


@given(ROWS, st.integers(1500, FRAME_MAX), st.integers(1, 5))
def test_no_frame_is_larger_than_was_agreed(rows: list[Row], frame_max: int, together: int) -> None:
    encoder = Encoder(frame_max, together)
    for entries in encoder.encode(rows, 1).entries.values():
        assert max(sizes_of(b"".join(encoder.frames(7, entries)))) <= frame_max


@pytest.mark.parametrize("together", [1, 3])
def test_a_message_has_room_up_to_the_last_byte(together: int) -> None:
    encoder = Encoder(FRAME_MAX, together)
    largest = next(size for size in range(FRAME_MAX, 0, -1) if not _unfit(encoder, size))
    frames = b"".join(encoder.frames(0, encoder.encode([message(1, body=bytes(largest))], 1).entries["log"]))
    assert len(frames) == FRAME_MAX
    assert "the broker takes frames of 4096: raise its `stream.frame_max`" in str(_unfit(encoder, largest + 1))


def test_no_limit_is_none() -> None:
    assert not _unfit(Encoder(0), 1 << 20)


@given(ROWS, st.integers(2, 6))
def test_sub_entries_hold_every_message_in_its_order(rows: list[Row], together: int) -> None:
    encoder, plain = Encoder(FRAME_MAX, together), Encoder(FRAME_MAX)
    encoded = encoder.encode(rows, 5)
    expected = {target: dict(entries) for target, entries in published(plain, plain.encode(rows, 5)).items()}
    for target, entries in published(encoder, encoded).items():
        found: dict[int, bytes] = {}
        for number, (kind, count, plain_bytes, content) in entries:
            numbers = encoded.together[number]
            assert (kind, count, plain_bytes) == (0, len(numbers), len(content))
            assert numbers[0] == number
            assert count <= together
            for each in numbers:
                size = int.from_bytes(content[:4], "big")
                found[each], content = content[4 : 4 + size], content[4 + size :]
            assert content == b""
        assert list(found.items()) == list(expected[target].items())


def test_whatever_a_message_raises_is_said_of_it_alone() -> None:
    nothing: Any = None
    odd: Row = (*message(1, subject="odd")[:4], nothing, b"")
    good = message(2)
    encoded = Encoder(FRAME_MAX).encode([odd, good], 1)
    assert encoded.rows == [good]
    [(row, reason)] = encoded.unfit
    assert row is odd
    assert "Error: " in str(reason)


def _unfit(encoder: Encoder, body_bytes: int) -> list[Any]:
    return encoder.encode([message(1, body=bytes(body_bytes))], 1).unfit
