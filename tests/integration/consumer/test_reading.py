"""The consumer against a real broker: it finds its place again, whatever happened to the broker or to itself."""

from functools import partial

import pytest

from infirmary.identifiers import new_id
from tests.eventually import eventually
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Faults
from tests.integration.consumer.publisher import QUEUE, Publisher, consuming

pytestmark = pytest.mark.long

patiently = partial(eventually, within_s=60.0)


@pytest.fixture
def counting(counting: Counting) -> Counting:
    """The counting service, none of whose processes reads yet."""
    counting.end_reader(counting.store)
    return counting


def test_a_new_subscriber_fills_itself_from_the_logs_first_message(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.tell("a", *range(1, 251))
    with consuming(counting, rabbitmq_url) as liveness:
        patiently(lambda: counting.numbers("a") == list(range(1, 251)), because="all events of the log are applied")
        assert liveness.not_ready() is None


def test_a_reader_goes_on_where_it_stopped(counting: Counting, publisher: Publisher, rabbitmq_url: str) -> None:
    saga_id = new_id()
    publisher.tell("a", 1, 2, 3)
    publisher.ask(saga_id, 1, step="one")
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers("a") == [1, 2, 3], because="the first events are applied")
        patiently(lambda: counting.numbers(saga_id) == [1], because="the first command is applied")
    publisher.tell("a", 4, 5)
    publisher.ask(saga_id, 2, step="two")
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers("a") == [1, 2, 3, 4, 5], because="the next events are applied")
        patiently(lambda: counting.numbers(saga_id) == [1, 2], because="the next command is applied")


@pytest.mark.parametrize("events_in_the_new_log", [1, 5], ids=["shorter", "longer"])
def test_a_log_that_was_deleted_and_declared_again_is_read_from_its_beginning(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, events_in_the_new_log: int
) -> None:
    publisher.tell("a", 1, 2, 3)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers("a") == [1, 2, 3], because="the old log is read")
    publisher.delete(LOG)
    publisher.declare(LOG)
    publisher.tell("a", 3)
    publisher.tell("b", *range(1, events_in_the_new_log))
    publisher.tell("a", 4)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers("a") == [1, 2, 3, 4], because="the new log is read, without the old event")
        assert counting.numbers("b") == list(range(1, events_in_the_new_log))


def test_a_log_that_is_missing_at_first_is_read_when_it_is_there(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.delete(LOG)
    saga_id = new_id()
    with consuming(counting, rabbitmq_url) as liveness:
        patiently(lambda: liveness.not_ready() is None, because="the consumer works without the log")
        publisher.ask(saga_id, 1)
        patiently(lambda: counting.numbers(saga_id) == [1], because="commands are applied meanwhile")
        publisher.declare(LOG)
        publisher.tell("a", 1)
        patiently(lambda: counting.numbers("a") == [1], because="the log is found")


def test_rubbish_in_any_log_is_parked_and_everything_else_flows_on(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    saga_id = new_id()
    with consuming(counting, rabbitmq_url):
        for log in (LOG, COMMANDS):
            publisher.raw(log, b"")
            publisher.raw(log, b"\xff\x00", message_id="x", content_encoding="utf-8", content_type="text/plain")
            publisher.raw(log, b"{", type="Add", app_id="admission", application_headers={"subject": 7})
            publisher.raw(log, b"{}", application_headers={"subject": "\x00", "x": [{"y": ["\x00", None, True, 1.5]}]})
            publisher.raw(log, b"{}", application_headers={"subject": "a", "x-stream-offset": 1 << 40})
        publisher.tell("a", 1)
        publisher.ask(saga_id, 1)
        patiently(lambda: counting.numbers("a") == [1], because="the real event is applied")
        patiently(lambda: counting.numbers(saga_id) == [1], because="the real command is applied")
    assert [state for _, _, state in counting.held()] == ["unreadable"] * 10


def test_a_standby_takes_the_logs_over(counting: Counting, publisher: Publisher, rabbitmq_url: str) -> None:
    saga_id = new_id()
    publisher.tell("a", 1)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers("a") == [1], because="the first consumer reads")
        with consuming(counting, rabbitmq_url) as standby:
            patiently(lambda: standby.not_ready() is None, because="the standby is ready")
            counting.end_readers()
            publisher.tell("a", 2, 3)
            publisher.ask(saga_id, 1)
            patiently(lambda: counting.numbers("a") == [1, 2, 3], because="somebody reads on")
            patiently(lambda: counting.numbers(saga_id) == [1], because="somebody reads the commands, too")
    assert counting.replies() == [("step", 1, "done")]


def test_an_idle_reader_notices_that_its_place_was_forgotten(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.tell("a", 1, 2)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers("a") == [1, 2], because="the log is read")
        counting.forget_everything()
        patiently(lambda: counting.numbers("a") == [1, 2], because="the log is read from its beginning")


def test_a_log_of_commands_that_retention_has_cut_keeps_no_saga_waiting(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.delete(COMMANDS)
    publisher.declare(COMMANDS, **{"x-max-length-bytes": 50_000, "x-stream-max-segment-size-bytes": 10_000})
    known, last = new_id(), new_id()
    publisher.ask(known, 1, step="one")
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers(known) == [1], because="the consumer works")
    publisher.ask(known, 2, step="lost")
    for _ in range(300):
        publisher.ask(new_id(), 1, note="x" * 1000)
    publisher.ask(known, 3, step="three")
    publisher.ask(last, 1)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers(last) == [1], because="the rest is read")
    assert (counting.numbers(known), counting.held()) == ([1, 3], [])
    assert counting.replies(known) == [("one", 1, "done"), ("three", 1, "done")]
    counting.take_over()
    assert not counting.store.positions.read(COMMANDS).has_all_of(None)


def test_a_log_of_commands_that_was_deleted_unread_keeps_no_saga_waiting(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    known = new_id()
    publisher.ask(known, 1, step="one")
    publisher.ask(new_id(), 1)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: len(counting.replies()) == 2, because="the consumer works")
    publisher.ask(known, 2, step="lost")
    publisher.delete(COMMANDS)
    publisher.declare(COMMANDS)
    publisher.ask(known, 3, step="three")
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers(known) == [1, 3], because="the saga goes on")
    assert counting.held() == []


def test_the_old_queue_is_drained_before_the_log_of_commands_is_read(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, faults: Faults
) -> None:
    publisher.declare_old_queue()
    both = new_id()
    publisher.ask(both, 2, step="later")
    for saga_id in (both, *(new_id() for _ in range(249))):
        publisher.ask_by_old_queue(saga_id, 1)
    broken = new_id()
    faults.breaks(broken)
    publisher.ask_by_old_queue(broken, 5)
    publisher.ask_by_old_queue(both, 1, attempt=2)
    with consuming(counting, rabbitmq_url):
        patiently(lambda: counting.numbers(both) == [1, 2], because="the log is read after the queue")
        assert counting.replies(both) == [("step", 1, "done"), ("step", 2, "done"), ("later", 1, "done")]
        assert len(counting.replies()) == 252
        assert [each[0] for each in counting.held()] == [str(broken)]
        assert publisher.channel.queue_declare(QUEUE, passive=True).message_count == 0
        faults.broken.clear()
        patiently(lambda: counting.numbers(broken) == [5], because="what was parked in the queue is tried again")
