"""A log that cannot be read is said, and stops no other; what is no log keeps its messages."""

from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import amqp
import pytest

from audit.broker import Unreadable
from audit.logs import LogTail
from local.servers.choice import Servers
from tests.chaos.nemesis.post import Post
from tests.eventually import eventually
from tests.integration.audit.conftest import declared


def reads(tail: LogTail, until: Callable[[], object]) -> None:
    def look() -> bool:
        return tail.read(0.1) and bool(until())

    eventually(look, because="it reads on")


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
    forbidden, allowed = f"for-bidden.{uuid4().hex}", "patient"
    with (
        declared(rabbitmq_url, f"{forbidden}.events"),
        declared(rabbitmq_url, f"{allowed}.events"),
        closing(LogTail(servers.rabbitmq.url_of("ward"), [forbidden, allowed])) as tail,
    ):
        post.event(allowed, "a", 1)
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
