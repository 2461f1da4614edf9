"""A log that cannot be read is said, and stops no other; what is no log keeps its messages."""

import threading
from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import amqp
import pytest

from audit.broker import Unreadable, length_of
from audit.gaps import GapAuditor
from audit.log_messages import UNREADABLE
from audit.logs import LogTail
from local.servers.choice import Servers
from tests.chaos.nemesis.post import Post
from tests.eventually import eventually
from tests.integration.audit.conftest import declared


def reads(tail: LogTail, until: Callable[[], object]) -> None:
    def look() -> bool:
        return tail.read(0.1) and bool(until())

    try:
        eventually(look, because="it reads on")
    except AssertionError as late:
        late.add_note(f"at the end: {tail.is_at_the_end}, unreadable: {tail.unreadable}, read: {tail.messages}")
        raise


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_queue_in_a_logs_place_keeps_its_messages_and_stops_no_other_log(
    kind: str, rabbitmq_url: str, post: Post
) -> None:
    odd, even = (f"{name}{uuid4().hex}" for name in ("odd", "even"))
    with (
        declared(rabbitmq_url, f"{odd}.events", kind) as queue,
        declared(rabbitmq_url, f"{even}.events"),
        closing(LogTail(rabbitmq_url, [odd, even])) as tail,
    ):
        queue.basic_publish(amqp.Message("a command of somebody's"), routing_key=f"{odd}.events")
        post.event(even, "a", 1)
        reads(tail, lambda: tail.messages[even] and odd in tail.unreadable)
        assert tail.unreadable == {odd: Unreadable.WRONG_TYPE}
        tail.close()
        eventually(
            lambda: queue.queue_declare(f"{odd}.events", passive=True).message_count == 1,
            because="its message is still there",
        )


def test_a_log_that_may_not_be_read_stops_no_other(servers: Servers, rabbitmq_url: str, post: Post) -> None:
    forbidden, allowed = f"forbidden{uuid4().hex[:16]}", f"ward.to.w{uuid4().hex[:16]}"
    with (
        declared(rabbitmq_url, f"{forbidden}.events"),
        declared(rabbitmq_url, allowed),
        closing(LogTail(servers.rabbitmq.url_of("ward"), [forbidden, allowed])) as tail,
    ):
        post.command(allowed, "Noted", "a", 1, {})
        reads(tail, lambda: tail.messages[allowed])
        assert tail.unreadable == {forbidden: Unreadable.FORBIDDEN}


def test_a_log_that_does_not_exist_yet_is_read_once_it_does(rabbitmq_url: str, post: Post) -> None:
    late = f"late{uuid4().hex}"
    with closing(LogTail(rabbitmq_url, [late])) as tail:
        reads(tail, lambda: tail.unreadable == {late: Unreadable.MISSING})
        with declared(rabbitmq_url, f"{late}.events"):
            post.event(late, "a", 1)
            reads(tail, lambda: tail.messages[late])
            assert tail.unreadable == {}


def test_no_further_part_is_looked_for_of_a_log_of_commands(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(connection: amqp.Connection, log: str) -> int | Unreadable:
        asked.append(log)
        return length_of(connection, log)

    monkeypatch.setattr("audit.logs.length_of", noted)
    writer = f"w{uuid4().hex[:20]}"
    events, commands = f"{writer}.events", f"{writer}.to.ward"
    with (
        declared(rabbitmq_url, events),
        declared(rabbitmq_url, commands),
        closing(LogTail(rabbitmq_url, [writer, commands])) as tail,
    ):
        tail.read(0.05, at_most_s=0)
    assert asked == [events, f"{events}.1", commands]


def test_what_is_left_to_read_is_known_from_the_first_look(rabbitmq_url: str, post: Post) -> None:
    long = f"long{uuid4().hex}"
    with declared(rabbitmq_url, f"{long}.events"), closing(LogTail(rabbitmq_url, [long])) as tail:
        for sequence in range(1, 41):
            post.event(long, "a", sequence)
        eventually(lambda: left_to_read(rabbitmq_url, long) == 40, because="the broker counts a log now and then")
        tail.catch_up(0.3)
        assert (tail.behind(long), len(tail.messages[long])) == (0, 40)


def left_to_read(rabbitmq_url: str, log: str) -> int:
    with closing(LogTail(rabbitmq_url, [log])) as tail:
        tail.read(0.05, at_most_s=0)
        return tail.behind(log)


def test_what_is_no_message_of_ours_stops_nothing(rabbitmq_url: str, post: Post) -> None:
    strange = f"strange{uuid4().hex}"
    with declared(rabbitmq_url, f"{strange}.events"), closing(LogTail(rabbitmq_url, [strange])) as tail:
        for headers, body in (
            ({"subject": "a", "sequence": "seven"}, b"{}"),
            ({"subject": 7, "sequence": 1}, b"{}"),
            ({"subject": "a", "sequence": 1}, b"[" * 100_000),
            ({"subject": "a", "sequence": 1}, b"[]"),
            ({"subject": "a", "sequence": -1}, b"{}"),
            ({"subject": "a", "sequence": 1, "time": 12}, b"{}"),
        ):
            post.put(f"{strange}.events", strange, "Noted", headers, body)
        post.event(strange, "a", 1)
        reads(tail, lambda: len(tail.messages[strange]) == 7)
        assert [each.sequence for each in tail.messages[strange]] == [None] * 6 + [1]


class AnyProperties(amqp.Message):  # type: ignore[misc]  # py-amqp has no types
    """A message whose property `type` is bytes that are no text, behind another property or a header."""

    def __init__(self, body: bytes, flags: int, before: bytes) -> None:
        super().__init__(body)
        self._raw = (flags | 0x20).to_bytes(2, "big") + before + b"\x02\xff\xfe"

    def _serialize_properties(self) -> bytes:
        return self._raw


LIKE_AN_OFFSET = b"\x0fx-stream-offsetl" + (1 << 40).to_bytes(8, "big")
NOT_DECODABLE = [
    (b"", 0, b""),
    (b"{}", 0, b""),
    (b"{}" * 200_000, 0, b""),
    (b"{}", 1 << 15, bytes([len(LIKE_AN_OFFSET)]) + LIKE_AN_OFFSET),
    (b"{}", 1 << 13, (7).to_bytes(4, "big") + b"\x01aS\0\0\0\0"),
    (b"{}", 1 << 13, (9).to_bytes(4, "big") + b"\x01aS\0\0\0\x02\xff\xfe"),
]


def test_properties_that_cannot_be_decoded_hide_nothing_else(rabbitmq_url: str, post: Post) -> None:
    strange = f"strange{uuid4().hex}"
    with declared(rabbitmq_url, f"{strange}.events"), closing(LogTail(rabbitmq_url, [strange])) as tail:
        for sequence, odd in enumerate(NOT_DECODABLE, start=1):
            post.event(strange, "a", sequence)
            post.deliver(f"{strange}.events", AnyProperties(*odd))
        post.event(strange, "a", len(NOT_DECODABLE) + 1)
        reads(tail, lambda: len(tail.messages[strange]) == 2 * len(NOT_DECODABLE) + 1)
        read = tail.messages[strange]
        assert [each.offset for each in read] == list(range(len(read)))
        assert {each.type for each in read[1::2]} == {UNREADABLE}
        assert [each.sequence for each in read[::2]] == list(range(1, len(NOT_DECODABLE) + 2))


def test_the_auditor_of_gaps_counts_what_cannot_be_decoded(rabbitmq_url: str, post: Post) -> None:
    strange = f"strange{uuid4().hex}"
    with declared(rabbitmq_url, f"{strange}.events"):
        post.deliver(f"{strange}.events", AnyProperties(b"{}", 0, b""))
        post.event(strange, "a", 1)
        auditor = GapAuditor(rabbitmq_url, [strange])
        thread = threading.Thread(target=auditor.run)
        thread.start()
        try:
            eventually(lambda: auditor.logs[strange].subjects == 1, because="it reads on behind it")
            assert auditor.logs[strange].unnumbered == 1
        finally:
            auditor.stop()
            thread.join()
