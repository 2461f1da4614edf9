"""What is asked of a broker is what its protocol's description says."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import chunks, commands
from infirmary_streams.commands import Tuned
from tests.unit.streams.described import read

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
U32, U64 = st.integers(0, 0xFFFFFFFF), st.integers(0, 2**64 - 1)
TABLES = st.dictionaries(TEXTS, TEXTS, max_size=5)


@given(U32, TABLES)
def test_peer_properties(correlation: int, properties: dict[str, str]) -> None:
    asked = read(commands.peer_properties(correlation, properties))
    assert asked == {"command": "peer properties", "correlation": correlation, "properties": properties}


@given(U32, TEXTS, st.binary(max_size=300))
def test_logging_in(correlation: int, mechanism: str, said: bytes) -> None:
    assert read(commands.sasl_handshake(correlation)) == {"command": "sasl handshake", "correlation": correlation}
    asked = read(commands.sasl_authenticate(correlation, mechanism, said))
    assert asked == {"command": "sasl authenticate", "correlation": correlation, "mechanism": mechanism, "data": said}


@given(TEXTS.filter(lambda text: "\0" not in text), TEXTS.filter(lambda text: "\0" not in text))
def test_plain_says_nobody_user_and_password(user: str, password: str) -> None:
    assert commands.plain(user, password).split(b"\0") == [b"", user.encode(), password.encode()]


@given(U32, U32)
def test_tune(frame_max: int, heartbeat: int) -> None:
    asked = read(commands.tune(Tuned(frame_max, heartbeat)))
    assert asked == {"command": "tune", "frame max": frame_max, "heartbeat": heartbeat}


@given(U32, TEXTS)
def test_open(correlation: int, virtual_host: str) -> None:
    asked = read(commands.open_host(correlation, virtual_host))
    assert asked == {"command": "open", "correlation": correlation, "virtual host": virtual_host}


@given(U32, TEXTS, TABLES)
def test_create_and_delete(correlation: int, stream: str, arguments: dict[str, str]) -> None:
    asked = read(commands.create(correlation, stream, arguments))
    assert asked == {"command": "create", "correlation": correlation, "stream": stream, "arguments": arguments}
    asked = read(commands.delete(correlation, stream))
    assert asked == {"command": "delete", "correlation": correlation, "stream": stream}


@given(U32, st.lists(TEXTS, max_size=5))
def test_metadata(correlation: int, streams: list[str]) -> None:
    asked = read(commands.metadata(correlation, streams))
    assert asked == {"command": "metadata", "correlation": correlation, "streams": streams}


@given(U32, U8, TEXTS)
def test_a_publisher_is_declared_without_a_reference(correlation: int, publisher: int, stream: str) -> None:
    assert read(commands.declare_publisher(correlation, publisher, stream)) == {
        "command": "declare publisher",
        "correlation": correlation,
        "publisher": publisher,
        "reference": "",
        "stream": stream,
    }
    asked = read(commands.delete_publisher(correlation, publisher))
    assert asked == {"command": "delete publisher", "correlation": correlation, "publisher": publisher}


@given(U32, U8, TEXTS, st.sampled_from([chunks.FIRST, chunks.NEXT]) | U64.map(chunks.from_offset), U16)
def test_subscribe(
    correlation: int, subscription: int, stream: str, begin: tuple[int, int | None], credit: int
) -> None:
    assert read(chunks.subscribe(correlation, subscription, stream, begin, credit)) == {
        "command": "subscribe",
        "correlation": correlation,
        "subscription": subscription,
        "stream": stream,
        "begin": tuple(part for part in begin if part is not None),
        "credit": credit,
        "properties": {},
    }


@given(U32, U8, U16)
def test_credit_and_unsubscribe(correlation: int, subscription: int, credit: int) -> None:
    asked = read(chunks.credit(subscription, credit))
    assert asked == {"command": "credit", "subscription": subscription, "credit": credit}
    asked = read(chunks.unsubscribe(correlation, subscription))
    assert asked == {"command": "unsubscribe", "correlation": correlation, "subscription": subscription}


@given(U32, U16, TEXTS)
def test_close(correlation: int, code: int, reason: str) -> None:
    asked = read(commands.close(correlation, code, reason))
    assert asked == {"command": "close", "correlation": correlation, "code": code, "reason": reason}
    asked = read(commands.close_answer(correlation))
    assert asked == {"command": "close answered", "correlation": correlation, "code": 1}


def test_heartbeat() -> None:
    assert read(commands.HEARTBEAT_FRAME) == {"command": "heartbeat"}


def test_a_text_that_no_frame_has_room_for_is_refused() -> None:
    assert read(commands.delete(1, "s" * 32_767))["stream"] == "s" * 32_767
    with pytest.raises(ValueError, match=r"at most 32,767 bytes, not 32768"):
        commands.delete(1, "s" * 32_768)


@pytest.mark.parametrize("publisher", [-1, 256])
def test_a_publisher_has_a_number_of_one_byte(publisher: int) -> None:
    with pytest.raises((ValueError, struct.error)):
        commands.declare_publisher(1, publisher, "log")
