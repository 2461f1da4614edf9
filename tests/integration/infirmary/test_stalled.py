"""A reader that is alive and does not get on says so, and asks to be started again; nothing else is taken for that."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer import lag
from infirmary.consumer.broker import Broker
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.loop import Consumer, Session
from infirmary.consumer.progress import StallLimits
from infirmary.consumer.subscription import Subscription
from infirmary.observing.health import Liveness
from infirmary.postgres.database import is_transient
from tests.chaos.proxy import Proxy, Way
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG, Faults
from tests.integration.infirmary.publisher import Publisher, publisher
from tests.integration.infirmary.running import running
from tests.integration.reading import be_impatient, brokers

__all__ = ["publisher"]

LIMITS = StallLimits(stalled_after_s=1.0, restart_after_s=3.0)


class Line:
    """A connection to the broker on which the log may be delivered no more, although all else works."""

    def __init__(self, url: str, stream_port: int = 0) -> None:
        self.url, self.stream_port, self.is_cut = url, stream_port, threading.Event()

    def brokers(self) -> tuple[Broker, LogBroker | None]:
        """Returns the connections; the broker itself has forgotten each consumer of the log that is cut off."""
        by_amqp, by_streams = brokers(self.url, self.stream_port)
        self._cut(by_streams or by_amqp)
        return by_amqp, by_streams

    def _cut(self, broker: Any) -> None:
        subscribe = broker.subscribe

        def subscribe_in_vain(log: str, messages: int, offset: int | str | None = None) -> Any:
            found = subscribe(log, messages, offset)
            if log != LOG or offset in ("last", "end") or not self.is_cut.is_set():
                return found
            if isinstance(found, Subscription):
                found._channel.basic_cancel(found._consumer)
                found._deliveries.clear()
                found.close = found._channel.close  # type: ignore[method-assign]
            else:
                found.close()
            return found

        broker.subscribe = subscribe_in_vain


@contextmanager
def consuming(counting: Counting, line: Line) -> Iterator[Liveness]:
    """Runs the consumer in a thread; what is looked for in silence is looked for often."""
    liveness = Liveness()

    def connect() -> Session:
        return counting.session(line.brokers(), logs=[LOG], limits=LIMITS, projection="counted")

    with running(Consumer(connect, is_transient, liveness), ends_within_s=40):
        yield liveness


@pytest.fixture(autouse=True)
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for the ends of logs more often than in earnest."""
    monkeypatch.setattr(lag, "LOOK_EVERY_S", 0.3)
    monkeypatch.setattr(lag, "LOOK_IN_SILENCE_EVERY_S", 0.3)


def behind(proxy: Proxy, rabbitmq_url: str, reading_port: int) -> Line:
    """Returns a line through a proxy that stands before the port by which logs are read."""
    return Line(rabbitmq_url, proxy.port) if reading_port else Line(proxy.url(rabbitmq_url))


def shown(metric: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"infirmary_{metric}", labels)
    assert value is not None, metric
    return value


def stalled_since() -> float:
    return shown("channel_stalled_since_timestamp_seconds", channel=LOG)


def reason(liveness: Liveness) -> str | None:
    problem = liveness.problem()
    return None if problem is None else problem.reason


def stays_well(liveness: Liveness) -> None:
    """Makes sure that nothing is told for longer than a log would be allowed to stand still."""
    until = time.monotonic() + 3 * LIMITS.stalled_after_s

    def told() -> bool:
        assert reason(liveness) != "stalled"
        assert stalled_since() == 0
        return time.monotonic() > until

    eventually(told, because="the time is over")


def test_a_log_that_grows_while_nothing_of_it_is_delivered_is_shown_until_a_new_process_reads_it(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    line = Line(rabbitmq_url, counting.reading_port)
    publisher.tell("a", 1, 2)
    with consuming(counting, line) as liveness:
        eventually(lambda: counting.numbers("a") == [1, 2], because="the consumer works")
    line.is_cut.set()
    began = time.time()
    with consuming(counting, line) as liveness:
        eventually(lambda: shown("log_reader_active", log=LOG) == 1, because="it reads the log, as far as it knows")
        publisher.tell("a", 3, 4)
        eventually(lambda: reason(liveness) == "stalled", because="it says that it does not get on")
        assert began < stalled_since() < time.time() - LIMITS.stalled_after_s / 2
        assert shown("log_lag_messages", log=LOG) == 2
        assert shown("projection_rebuild_ratio", projection="counted") == 2 / 4
        assert LOG in (liveness.not_ready() or "")
        eventually(lambda: liveness.stuck() is not None, because="it asks to be started again")
        assert shown("log_caught_up_timestamp_seconds", log=LOG) < stalled_since()
    assert stalled_since() == shown("log_lag_messages", log=LOG) == shown("log_reader_active", log=LOG) == 0
    line.is_cut.clear()
    with consuming(counting, line) as liveness:
        eventually(lambda: counting.numbers("a") == [1, 2, 3, 4], because="a new process reads on")
        eventually(lambda: liveness.not_ready() is None and liveness.stuck() is None, because="it is well")
        eventually(lambda: shown("projection_rebuild_ratio", projection="counted") == 1, because="all of it is read")
        assert stalled_since() == 0


def test_a_reader_of_a_log_that_was_never_read_is_seen_too(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    line = Line(rabbitmq_url, counting.reading_port)
    line.is_cut.set()
    publisher.tell("a", 1)
    with consuming(counting, line) as liveness:
        eventually(lambda: reason(liveness) == "stalled", because="it says that it does not get on")
        assert shown("log_caught_up_timestamp_seconds", log=LOG) == 0


def test_an_idle_log_is_no_standstill(counting: Counting, publisher: Publisher, rabbitmq_url: str) -> None:
    with consuming(counting, Line(rabbitmq_url, counting.reading_port)) as liveness:
        eventually(lambda: liveness.not_ready() is None, because="it reads")
        stays_well(liveness)
        publisher.tell("a", 1)
        eventually(lambda: counting.numbers("a") == [1], because="the consumer works")
        stays_well(liveness)
        assert time.time() - shown("log_caught_up_timestamp_seconds", log=LOG) < 2


def test_what_is_parked_or_waits_is_told_as_that(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, faults: Faults
) -> None:
    faults.broken.add("a")
    publisher.tell("a", 1, 2)
    line = Line(rabbitmq_url, counting.reading_port)
    with consuming(counting, line) as liveness:
        eventually(
            lambda: [shown("messages_held", channel=LOG, state=state) for state in ("parked", "waiting")] == [1, 1],
            because="one is parked and one waits",
        )
        oldest = [shown("held_oldest_timestamp_seconds", channel=LOG, state=state) for state in ("parked", "waiting")]
        assert all(time.time() - 30 < each <= time.time() + 1 for each in oldest)
        stays_well(liveness)
    assert shown("messages_held", channel=LOG, state="parked") == 0, "another process shows it from now on"
    line.is_cut.set()
    with consuming(counting, line) as liveness:
        eventually(lambda: shown("messages_held", channel=LOG, state="parked") == 1, because="a new one counts it")
        publisher.tell("a", 3)
        stays_well(liveness)


def test_a_log_that_another_process_reads_is_its_affair(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    assert counting.store.positions.own(LOG)
    publisher.tell("a", 1)
    with consuming(counting, Line(rabbitmq_url, counting.reading_port)) as liveness:
        eventually(lambda: liveness.not_ready() is None, because="it stands by")
        stays_well(liveness)
        assert shown("log_reader_active", log=LOG) == shown("log_caught_up_timestamp_seconds", log=LOG) == 0


def test_a_broker_that_is_away_is_told_as_that(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_impatient(monkeypatch)
    with (
        Proxy(counting.reading_port or urlsplit(rabbitmq_url).port or 5672) as proxy,
        consuming(counting, behind(proxy, rabbitmq_url, counting.reading_port)) as liveness,
    ):
        eventually(lambda: liveness.not_ready() is None, because="it reads")
        proxy.swallow(Way.UP, Way.DOWN)
        publisher.tell("a", 1)
        eventually(lambda: reason(liveness) == "broker_away", because="it says what is away", within_s=40)
        assert shown("log_reader_active", log=LOG) == 0
        stays_well(liveness)
        assert liveness.stuck() is None
        proxy.restore()
        proxy.reset()
        eventually(lambda: counting.numbers("a") == [1], because="it goes on by itself", within_s=60)
