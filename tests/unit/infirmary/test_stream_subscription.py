"""Chunks become deliveries from the wanted offset on, credit bounds what is under way, damage keeps its place."""

import struct
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.streams.credit import Credit
from infirmary.consumer.streams.subscription import EndProbe, StreamSubscription
from infirmary.consumer.unreadable import Unreadable
from infirmary.identifiers import new_id
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary_streams.sections import encoded, with_body

HEAD = struct.Struct(">BBHIqQQIII4x")


def message(number: int) -> bytes:
    sections = encoded(
        message_id=str(new_id()), source="ward", message_type="Told", subject="a", time=datetime.now(UTC)
    )
    return with_body(sections + struct.pack(">q", number), b"%d" % number)


def chunk(first_offset: int, messages: list[bytes], *, damaged: bool = False, kind: int = 0) -> bytes:
    content = b"".join(struct.pack(">I", len(each)) + each for each in messages)
    checked = crc32(content) ^ damaged
    head = HEAD.pack(0x50, kind, len(messages), len(messages), 0, 1, first_offset, checked, len(content), 0)
    return b"\x07" + head + content


class Lease:
    """What a subscription tells its node."""

    def __init__(self) -> None:
        self.credit, self.ended = 0, 0

    def give_credit(self, more: int) -> None:
        self.credit += more

    def end(self) -> None:
        self.ended += 1


def subscription(begin: int = 0, messages: int = 300) -> Any:
    made: Any = StreamSubscription("ward.events", begin, messages)
    made.lease = Lease()
    return made


def test_a_chunk_that_begins_before_the_wanted_offset_is_read_from_there() -> None:
    read = subscription(begin=7)
    read.receive(chunk(5, [message(number) for number in range(5, 10)]))
    deliveries = read.take(100)
    assert [delivery.offset for delivery in deliveries] == [7, 8, 9]
    assert [delivery.body for delivery in deliveries] == [b"7", b"8", b"9"]
    assert isinstance(deliveries[0].message, Incoming)
    assert deliveries[0].message.sequence == 7


def test_a_chunk_of_which_nothing_is_wanted_is_paid_for_with_a_new_one() -> None:
    read = subscription(begin=7)
    read.receive(chunk(5, [message(5), message(6)]))
    read.receive(chunk(7, [message(7)], kind=1))
    assert (read.waiting, read.newest) == (0, None)
    assert read.lease.credit >= 2


def test_credit_is_given_when_a_whole_chunk_was_applied_and_not_when_it_was_taken() -> None:
    read = subscription(messages=4)
    read.receive(chunk(0, [message(number) for number in range(4)]))
    read.receive(chunk(4, [message(number) for number in range(4, 8)]))
    first, rest = read.take(3), read.take(100)
    assert (read.waiting, read.held_bytes) == (0, 0)
    read.acknowledge(first[-1])
    assert read.lease.credit == 0
    read.acknowledge(rest[0])
    assert read.lease.credit == 1
    read.acknowledge(rest[-1])
    assert read.lease.credit == 2


def test_a_damaged_chunk_is_one_message_in_the_place_of_its_last_and_what_follows_is_read() -> None:
    read = subscription()
    damaged = chunk(0, [message(0), message(1), message(2)], damaged=True)
    read.receive(damaged)
    read.receive(chunk(3, [message(3)]))
    odd, good = read.take(100)
    assert (odd.offset, good.offset) == (2, 3)
    assert isinstance(odd.message, MalformedMessage)
    assert odd.properties == {"undecodable": "the chunk of the offsets 0 to 2: it is damaged"}
    assert odd.body == damaged[1:]
    again = subscription(begin=2)
    again.receive(damaged)
    assert again.take(100)[0].identity == odd.identity, "it is known again by what it holds"


def test_a_message_that_is_none_is_parked_with_all_of_it() -> None:
    read = subscription()
    read.receive(chunk(0, [b"\x05rubbish"]))
    (odd,) = read.take(100)
    assert isinstance(odd.message, MalformedMessage)
    assert odd.body == b"\x05rubbish"
    assert "undecodable" in odd.properties


def test_what_is_no_chunk_stops_the_reader_behind_what_came_before() -> None:
    read = subscription()
    read.receive(chunk(0, [message(0)]))
    read.receive(b"\x07" + b"x" * 60)
    assert len(read.take(100)) == 1
    with pytest.raises(Unreadable, match="no chunk"):
        read.take(100)


def test_closing_forgets_what_waits_and_ends_the_subscription_once() -> None:
    read = subscription()
    lease = read.lease
    read.receive(chunk(0, [message(0)]))
    read.close()
    read.close()
    assert (read.waiting, read.held_bytes, lease.ended) == (0, 0, 1)


def test_the_end_of_a_log_is_read_from_the_head_of_its_last_chunk() -> None:
    probe = EndProbe("ward.events")
    probe.receive(chunk(40, [message(0), message(1)], damaged=True))
    assert (probe.newest, probe.waiting) == (41, 2)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 400_000)), min_size=1, max_size=60))
def test_there_are_always_two_chunks_under_way_and_never_more_than_are_wanted(sizes: list[tuple[int, int]]) -> None:
    credit = Credit(300)
    under_way = credit.first
    for messages, size in sizes:
        credit.came(messages, size)
        under_way += credit.done(1) - 1
        assert 1 <= under_way <= 100
    for _ in range(8):  # large ones, so that few are under way in the end
        credit.came(4000, 1_000_000)
        under_way += credit.done(1) - 1
    assert 2 <= under_way <= 100


def test_small_chunks_come_in_numbers() -> None:
    credit = Credit(300)
    under_way = credit.first
    for _ in range(20):
        credit.came(1, 400)
        under_way += credit.done(1) - 1
    assert under_way == 100
