"""A log in several parts: shared out among the readers, in order, and with nothing lost while it grows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from benchmarks.targets import disown
from infirmary.messages import Event, publishes
from infirmary.postgres.transaction import transaction
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import partition_of
from infirmary.transport.log_names import home, part_name
from infirmary.transport.write_options import WriteOptions
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG
from tests.integration.infirmary.publisher import Publisher
from tests.integration.infirmary.readers import readers
from tests.integration.relay.process import RelayProcess

PARTS = [part_name(LOG, part) for part in range(4)]
MOST_AHEAD = 40
COUNTERS = [f"counter-{number}" for number in range(24)]


patiently = partial(eventually, within_s=60.0)
"""Processes take seconds to start, and more on a machine that is busy."""


@publishes(subject="counter")
class Told(Event):
    """What the ward tells, as the ward declares it."""

    counter: str
    number: int


class Ward:
    """The service whose log grows: it writes into its outbox until it is stopped, as fast as its reader gets on.

    Attributes:
        parts: Into how many parts it writes its log, by turns: during a rolling upgrade there are two opinions.
        written: How many events each counter has.
    """

    def __init__(self, database_url: str, readers_database_url: str) -> None:
        self.parts = [1]
        self.written = 0
        self._url, self._readers_url = database_url, readers_database_url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        with (
            psycopg.connect(self._url, autocommit=True) as connection,
            psycopg.connect(self._readers_url, autocommit=True) as reader,
        ):
            while not self._stopping.wait(0.01):
                (applied,) = reader.execute("SELECT count(*) FROM told").fetchone() or (0,)
                if self.written > applied // len(COUNTERS) + MOST_AHEAD:
                    continue
                number, parts = self.written + 1, self.parts[self.written % len(self.parts)]
                with transaction(connection, "ward", causation_of(None, None, None), options=WriteOptions(parts)) as tx:
                    for counter in COUNTERS:
                        tx.publish(Told(counter=counter, number=number))
                self.written = number

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


@pytest.fixture
def log(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker where no part of the log exists."""
    publisher = Publisher(rabbitmq_url)
    publisher.delete()
    _delete_parts(publisher)
    yield publisher
    publisher.delete()
    _delete_parts(publisher)
    publisher.close()


def test_readers_share_the_parts_and_share_them_anew_when_one_is_killed_or_joins(
    counting: Counting, log: Publisher, rabbitmq_url: str
) -> None:
    _declare(log, PARTS)
    told = dict.fromkeys(COUNTERS, 0)
    with readers(counting, rabbitmq_url) as some:

        def all_is_applied() -> bool:
            for counter in COUNTERS:
                told[counter] += 1
                log.tell(counter, told[counter], log=PARTS[home(partition_of(counter), 4)])
            expected = {counter: list(range(1, last + 1)) for counter, last in told.items()}
            patiently(lambda: _numbers(counting) == expected, because="each event is applied once, in order")
            return True

        some.start(1)
        patiently(lambda: some.shares() == [4], because="one reader reads all parts")
        assert all_is_applied()
        some.start(1)
        patiently(lambda: some.shares() == [2, 2], because="two readers read two parts each")
        assert all_is_applied()
        some.start(2)
        patiently(lambda: some.shares() == [1, 1, 1, 1], because="four readers read a part each")
        assert all_is_applied()
        some.kill_one()
        patiently(lambda: some.shares() == [1, 1, 2], because="a part goes to one of those that are left")
        assert all_is_applied()
        some.start(1)
        patiently(lambda: some.shares() == [1, 1, 1, 1], because="the new one gets a part")
        assert all_is_applied()
    assert counting.held() == []


def test_a_log_that_grows_under_load_loses_doubles_and_reorders_nothing(
    counting: Counting, log: Publisher, rabbitmq_url: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database("ward").database_url
    ward = Ward(url, counting.settings.database_url)
    with (
        readers(counting, rabbitmq_url) as some,
        relaying(url, rabbitmq_url, tmp_path, parts=1) as restart_relay,
    ):
        try:
            some.start(2)
            patiently(lambda: len(_numbers(counting)) == len(COUNTERS), because="events come through part 0")
            restart_relay(4)
            ward.parts = [1, 4]
            patiently(lambda: sum(some.shares()) == 4, because="the events have told the readers of the parts")
            _reaches(counting, ward.written + 20)
            ward.parts = [4]
            _reaches(counting, ward.written + 20)
            some.kill_one()
            some.start(2)
            patiently(lambda: len(some.shares()) == 3, because="three readers share four parts")
            _reaches(counting, ward.written + 20)
        finally:
            ward.stop()
        whole = {counter: list(range(1, ward.written + 1)) for counter in COUNTERS}
        patiently(lambda: _numbers(counting) == whole, because="each event was applied once, in order")
        patiently(lambda: counting.held() == [], because="nothing waits any more")
    offsets = counting.rows("SELECT last_offset FROM log_reader WHERE log = ANY(%s)", PARTS)
    assert all(offset > 0 for (offset,) in offsets)


def test_readers_of_two_parts_that_lock_the_same_rows_the_other_way_round_both_succeed(counting: Counting) -> None:
    counting.database.execute(
        """CREATE FUNCTION lock_slowly() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_advisory_xact_lock(new.number), pg_sleep(0.3); RETURN new; END $$;
           CREATE TRIGGER lock_slowly BEFORE INSERT ON told FOR EACH ROW EXECUTE FUNCTION lock_slowly()"""
    )
    other = counting.open_store()
    position = other.positions.read(PARTS[1])
    opposite = [counting.told("c", 2, 1), counting.told("d", 1)]
    thread = threading.Thread(target=lambda: counting.applier_on(other).apply(PARTS[1], opposite, position))
    thread.start()
    counting.read(counting.told("a", 1), counting.told("b", 2, 1))
    thread.join(20)
    other.close()
    assert [counting.numbers(counter) for counter in "abcd"] == [[1], [2], [2], [1]]


@contextmanager
def relaying(database_url: str, rabbitmq_url: str, folder: Path, parts: int) -> Iterator[Callable[[int], None]]:
    """Runs the ward's relay; gives what starts it again with another number of parts."""

    def start(number: int) -> RelayProcess:
        settings = {"DATABASE_URL": database_url, "RABBITMQ_URL": rabbitmq_url, "LOG_PARTS": str(number)}
        return RelayProcess("ward", folder / "relay.log", **settings).until_ready()

    disown(rabbitmq_url, "ward")  # another test's database may have been there
    running = [start(parts)]

    def restart(number: int) -> None:
        running[0].stop()
        running[0] = start(number)

    try:
        yield restart
    finally:
        running[0].kill()


def _reaches(counting: Counting, number: int) -> None:
    patiently(
        lambda: all(len(numbers) >= number for numbers in _numbers(counting).values()),
        because=f"every counter has come to {number}",
    )


def _numbers(counting: Counting) -> dict[str, list[int]]:
    """Returns what was applied for each counter, in the order in which it was applied."""
    return dict(counting.rows("SELECT counter, array_agg(number ORDER BY id) FROM told GROUP BY counter"))


def _declare(publisher: Publisher, parts: list[str]) -> None:
    for part in parts:
        publisher.channel.queue_declare(part, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})


def _delete_parts(publisher: Publisher) -> None:
    for part in PARTS:
        publisher.channel.queue_delete(part)
