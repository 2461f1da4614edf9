"""Whatever a broker may answer is read, and bytes that are no answer are told as such."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import chunks, codes, commands, publishing
from infirmary_streams.commands import Answer, Endpoint, Placement, Tuned
from infirmary_streams.errors import NonsenseError, RefusedError
from infirmary_streams.frames import Fields
from tests.unit.streams.described import array, string, table, u8, u16, u32, u64
from tests.unit.streams.test_requests import TABLES, TEXTS, U8, U16, U32, U64

ENDPOINTS = st.builds(Endpoint, TEXTS, U32)


@given(U32, U16, TABLES)
def test_an_answer_begins_with_correlation_and_code(correlation: int, code: int, properties: dict[str, str]) -> None:
    answered = commands.answer(u32(correlation) + u16(code) + table(properties))
    assert (answered.correlation_id, answered.code) == (correlation, code)
    assert answered.fields.properties() == properties


@given(st.lists(TEXTS, max_size=5))
def test_mechanisms(mechanisms: list[str]) -> None:
    assert commands.mechanisms(commands.answer(u32(1) + u16(1) + array(map(string, mechanisms)))) == mechanisms


def test_a_text_that_is_none_is_empty() -> None:
    assert Fields(string(None)).text() == ""
    assert Fields(b"\xff\xff\xff\xff").data() == b""
    assert Fields(b"\xff\xff\xff\xff").properties() == {}


def test_a_text_that_is_no_utf8_is_read() -> None:
    assert Fields(u16(3) + b"a\xffb").text() == "a\ufffdb"


@given(U32, U32)
def test_tune(frame_max: int, heartbeat_s: int) -> None:
    assert commands.tuned(u32(frame_max) + u32(heartbeat_s)) == Tuned(frame_max, heartbeat_s)


@given(TEXTS, st.integers(0, 65535))
def test_a_node_says_where_it_is(host: str, port: int) -> None:
    told = {"advertised_host": host, "advertised_port": str(port)}
    answered = commands.answer(u32(1) + u16(1) + table(told))
    assert commands.advertised(answered) == Endpoint(host, port)


@pytest.mark.parametrize(
    "properties",
    [
        b"",
        table({}),
        table({"advertised_host": "h"}),
        table({"advertised_port": "5552"}),
        table({"advertised_host": "h", "advertised_port": "²"}),
    ],
)
def test_a_node_may_leave_out_where_it_is(properties: bytes) -> None:
    assert commands.advertised(commands.answer(u32(1) + u16(1) + properties)) is None


@given(
    st.dictionaries(st.integers(0, 0xFFFE), ENDPOINTS, min_size=1, max_size=5),
    st.dictionaries(TEXTS, st.tuples(U16, st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4)), max_size=5),
)
def test_placements(nodes: dict[int, Endpoint], streams: dict[str, tuple[int, int, list[int]]]) -> None:
    """Numbers beyond the nodes stand for one that the broker does not name."""
    numbers = [*nodes, *[0xFFFF] * 10][:10]
    told = array(u16(number) + string(node.host) + u32(node.port) for number, node in nodes.items()) + array(
        string(name) + u16(code) + u16(numbers[leader]) + array(u16(numbers[each]) for each in replicas)
        for name, (code, leader, replicas) in streams.items()
    )
    assert commands.placements(u32(7) + told) == {
        name: Placement(
            code, nodes.get(numbers[leader]), [nodes[numbers[each]] for each in replicas if numbers[each] in nodes]
        )
        for name, (code, leader, replicas) in streams.items()
    }


@given(U16, TEXTS, U32, U8)
def test_what_a_broker_says_unasked(code: int, words: str, correlation: int, subscription: int) -> None:
    assert commands.metadata_update(u16(code) + string(words)) == (code, words)
    assert commands.closed(u32(correlation) + u16(code) + string(words)) == (correlation, code, words)
    assert chunks.credit_refused(u16(code) + u8(subscription)) == (code, subscription)


@given(U8, st.lists(U64, max_size=50), st.lists(st.tuples(U64, U16), max_size=50))
def test_receipts(publisher: int, confirmed: list[int], failed: list[tuple[int, int]]) -> None:
    assert publishing.confirmed(u8(publisher) + array(map(u64, confirmed))) == (publisher, tuple(confirmed))
    told = publishing.failed(u8(publisher) + array(u64(at) + u16(code) for at, code in failed))
    assert told == (publisher, [publishing.PublishFailed(*each) for each in failed])


def _properties(payload: bytes) -> object:
    return commands.answer(payload).fields.properties()


def _mechanisms(payload: bytes) -> object:
    return commands.mechanisms(commands.answer(payload))


def _advertised(payload: bytes) -> object:
    return commands.advertised(commands.answer(payload))


READERS: list[Callable[[bytes], object]] = [
    _properties,
    _mechanisms,
    _advertised,
    commands.tuned,
    commands.placements,
    commands.metadata_update,
    commands.closed,
    chunks.credit_refused,
    publishing.confirmed,
    publishing.failed,
]


@pytest.mark.parametrize("reader", READERS)
@given(payload=st.binary(max_size=60))
def test_bytes_that_are_no_answer_are_nonsense_and_nothing_worse(
    reader: Callable[[bytes], object], payload: bytes
) -> None:
    try:
        reader(payload)
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too


@pytest.mark.parametrize("reader", [_properties, _mechanisms, commands.placements])
@pytest.mark.parametrize("claimed", [1, 1000, 0x7FFFFFFF])
def test_an_array_that_claims_more_than_there_is_allocates_nothing(
    reader: Callable[[bytes], object], claimed: int
) -> None:
    with pytest.raises(NonsenseError):
        reader(u32(1) + (b"" if reader is commands.placements else u16(1)) + u32(claimed))


@pytest.mark.parametrize("reader", [publishing.confirmed, publishing.failed])
def test_receipts_that_claim_more_than_there_is_are_nonsense(reader: Callable[[bytes], object]) -> None:
    with pytest.raises(NonsenseError, match="4294967295 receipts"):
        reader(u8(1) + u32(0xFFFFFFFF) + u64(1))


def test_a_refusal_says_what_in_words() -> None:
    assert str(RefusedError("log ward.events", codes.NO_SUCH_STREAM)) == "log ward.events: stream does not exist"
    assert str(RefusedError("log ward.events", 99)) == "log ward.events: response code 99"
    assert isinstance(commands.answer(u32(1) + u16(1)), Answer)
