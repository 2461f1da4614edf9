"""The relay's spans: one for a window, linked to the sampled messages in it, and none where there are none."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.version_1 import as_version_1
from infirmary.identifiers import new_id
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.headers.from_columns import sections_of
from infirmary_relay.message import Row
from infirmary_relay.sends import MOST_LINKS, Send, Sends, sampled
from infirmary_relay.window import Receipts
from infirmary_streams.sections import encoded

BROKER = BrokerAddress.parse("amqp://guest:guest@broker:5672/")
CONFIRMED = Receipts([], [], [])


def context(number: int, flags: str = "01", trace: int | None = None) -> str:
    return f"00-{(trace or number):032x}-{number:016x}-{flags}"


def row(
    traceparent: str | None, target: str = "log", subject: str = "s", body: bytes = b"{}", *, is_old: bool = False
) -> Row:
    message_id = new_id()
    if traceparent is None:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        header = sections_of(
            message_id=message_id, source="a", message_type="B", subject=subject, sequence=None,
            created_at=moment,
        )  # fmt: skip
        return 1, target, subject, message_id.bytes, header, body
    sections = encoded(
        message_id=str(message_id), source="a", message_type="B", subject=subject,
        time=datetime(2026, 1, 1, tzinfo=UTC), dataschema="urn:a", correlation_id="c-01", causation_id="d",
        traceparent=traceparent,
    )  # fmt: skip
    header = sections + bytes(8)
    return 1, target, subject, message_id.bytes, as_version_1(header, 2) if is_old else header, body


def told(rows: list[Row], receipts: Receipts = CONFIRMED) -> list[Send]:
    spans: list[Send] = []
    Sends(spans.append, BROKER).settled(rows, receipts, time.monotonic() - 0.5)
    return spans


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2**60),
            st.sampled_from(["00", "01", "02", "03", None]),
            st.sampled_from(["s", "-01", "é" * 9]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_the_sampled_messages_are_found_by_their_flag_whatever_stands_around_it(
    messages: list[tuple[int, str | None, str, bool]],
) -> None:
    rows = [
        row(None if flag is None else context(number, flag), subject=subject, is_old=is_old)
        for number, flag, subject, is_old in messages
    ]
    assert sampled(rows) == [context(number) for number, flag, *_ in messages if flag in ("01", "03")]


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_any_bytes_of_a_strangers_header_do_no_harm(before: bytes, after: bytes) -> None:
    old, new = b"\x0btraceparentS\x00\x00\x00\x37", b"\xa1\x0btraceparent\xa1\x37"
    headers = (before, before + old + after, b"\x00\x53" + before + new + after, b"", old, new, b"\x00\x53" + new)
    rows: list[Row] = [(1, "log", "s", b"", header, b"") for header in headers]
    assert sampled([*rows, row(context(7))]) == [context(7)] or b"00-" in after


def test_ids_of_zeros_are_no_context() -> None:
    assert sampled([row(f"00-{'0' * 32}-{1:016x}-01"), row(f"00-{1:032x}-{'0' * 16}-01")]) == []


def test_a_window_of_one_trace_is_told_in_it() -> None:
    [span] = told([row(context(1, trace=9)), row(context(2, trace=9)), row(context(3, "00"))])
    assert span.parent == context(1, trace=9)
    assert span.traceparent[:36] == context(1, trace=9)[:36]
    assert span.links == [context(1, trace=9), context(2, trace=9)]
    assert (span.name, span.attributes["messaging.batch.message_count"]) == ("send log", 3)
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("broker", 5672)
    assert 0.4e9 < span.ended_ns - span.begun_ns < 60e9
    assert span.error is None


def test_a_window_of_several_traces_begins_one_of_its_own_that_is_linked_to_them() -> None:
    [span] = told([row(context(1)), row(context(2), target="inbox")])
    assert (span.name, span.parent, span.links) == ("send", None, [context(1), context(2)])
    assert span.traceparent[3:35] not in (context(1)[3:35], context(2)[3:35])


def test_a_window_is_linked_to_so_many_messages_and_no_more() -> None:
    [span] = told([row(context(number)) for number in range(1, MOST_LINKS + 50)])
    assert len(span.links) == MOST_LINKS == 128


def test_where_nothing_is_sampled_nothing_is_told() -> None:
    assert told([row(context(1, "00")), row(None)]) == []


@pytest.mark.parametrize("fate", ["returned", "refused"])
def test_what_did_not_arrive_is_an_error(fate: str) -> None:
    lost = row(context(1))
    receipts = Receipts([], [lost] if fate == "returned" else [], [lost] if fate == "refused" else [])
    assert [span.error for span in told([lost], receipts)] == [fate]
