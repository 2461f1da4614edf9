"""Messages stand in a frame as its description says, alone and several in a sub-entry; ids become runs."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import publishing
from tests.unit.streams.described import array, read, string, u8, u16, u64
from tests.unit.streams.test_requests import U8, U64

MESSAGES = st.lists(st.tuples(U64, st.binary(max_size=50)), max_size=10)


@given(U8, MESSAGES)
def test_messages_are_published_in_one_frame(publisher: int, messages: list[tuple[int, bytes]]) -> None:
    entries = [piece for at, body in messages for piece in (publishing.entry_head(at, len(body)), body)]
    content = b"".join(entries)
    frame = publishing.publish_head(publisher, len(content), len(messages)) + content
    assert read(frame) == {"command": "publish", "publisher": publisher, "messages": messages}
    sizes = sum(publishing.ENTRY_BYTES + len(body) for _, body in messages)
    assert len(frame) == publishing.HEAD_BYTES + sizes


@given(U8, U64, st.lists(st.binary(max_size=50), min_size=1, max_size=10))
def test_messages_are_published_as_one_sub_entry(publisher: int, publishing_id: int, bodies: list[bytes]) -> None:
    content = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    head = publishing.sub_entry_head(publishing_id, 0x80, len(bodies), len(content), len(content))
    assert len(head) == publishing.SUB_ENTRY_BYTES
    frame = publishing.publish_head(publisher, len(head + content), 1) + head + content
    assert read(frame)["messages"] == [(publishing_id, (0, len(bodies), len(content), content))]


@given(st.lists(st.integers(0, 60), max_size=40))
def test_runs_hold_every_id_as_often_as_it_came(ids: list[int]) -> None:
    found = publishing.runs(ids)
    assert sorted(each for first, last in found for each in range(first, last + 1)) == sorted(ids)
    assert found == sorted(found)


@given(st.sets(U64, max_size=40))
def test_runs_of_different_ids_are_as_few_as_can_be(ids: set[int]) -> None:
    found = publishing.runs(ids)
    assert {each for first, last in found for each in (first, last)} <= ids
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


@given(U64, st.integers(0, 1000))
def test_ids_that_follow_each_other_are_one_run_in_whatever_order(first: int, more: int) -> None:
    ids = list(range(first, first + more + 1))
    assert publishing.runs(ids) == publishing.runs(reversed(ids)) == [(first, first + more)]
    assert publishing.runs([]) == []


def test_receipts_may_be_followed_by_what_a_later_release_adds() -> None:
    assert publishing.confirmed(u8(1) + array([u64(5)]) + string("more")) == (1, (5,))
    assert publishing.failed(u8(1) + array([u64(5) + u16(2)]) + string("more")) == (1, [(5, 2)])
