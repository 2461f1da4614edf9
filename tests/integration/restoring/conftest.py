"""The counting service with its logs, a backup of it, and what restores it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from infirmary.consumer.delivery import Delivery
from infirmary.postgres.restoring.database import PostgresRestored
from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.restore import Report, Restore
from tests.integration.conftest import NewDatabase
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE, UNLUCKY, Add, Closed, Counted, Faults, TakeAway
from tests.integration.consumer.on_postgres import PostgresCounting
from tests.integration.reading import connected
from tests.integration.restoring.backup import Backup
from tests.integration.restoring.relaying import LOGS, Relaying

restoring = Restoring(SERVICE)


@restoring.of(Counted)
def count_again(event: Counted, tx: Transaction) -> None:
    counter, number = event.counted.rsplit(" ", 1)
    tx.execute("INSERT INTO told (counter, number) VALUES (%(c)s, %(n)s)", c=counter, n=int(number))


restoring.changes_nothing(Closed, because="the service keeps nothing of what is closed")


class Service(PostgresCounting):
    """The counting service, its logs, and what was handed to it, to be read again from a backup's place."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.handed: list[tuple[str, Delivery]] = []

    def hand(self, log: str, *deliveries: Delivery) -> None:
        """Applies a batch of a log."""
        self.handed += [(log, each) for each in deliveries]
        self.apply(log, *deliveries)

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Returns all that a restore makes again, in no order."""
        return {
            "told": self.rows("SELECT counter, number FROM told ORDER BY 1, 2"),
            "outcomes": self.rows("SELECT saga_id, step, outcome, reason FROM saga_outcome ORDER BY 1, 2"),
            "numbers": self.rows("SELECT subject, last FROM outbox_sequence ORDER BY 1"),
            "ends": self.rows("SELECT source, subject, last FROM ended_subject ORDER BY 1, 2"),
        }

    def read_on(self) -> None:
        """Reads again what the database does not know of, as another process."""
        self.take_over()
        self.positions = {log: self.store.positions.read(log) for log in (LOG, COMMANDS)}
        for log, delivery in self.handed:
            last = self.positions[log].last_offset
            if last is None or (delivery.offset or 0) > last:
                self.apply(log, delivery)


@pytest.fixture
def service(new_database: NewDatabase, faults: Faults) -> Iterator[Service]:
    service = Service(new_database("patient"), faults)
    yield service
    service.close()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def relay(rabbitmq_url: str) -> Iterator[Relaying]:
    relay = Relaying(rabbitmq_url)
    yield relay
    relay.close()


@pytest.fixture(params=["amqp", "streams"])
def restore(
    request: pytest.FixtureRequest, service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int
) -> Iterator[Callable[..., Report]]:
    """Restores, or says what it would do; `say` may break off."""
    broker = connected(rabbitmq_url, stream_port if request.param == "streams" else 0)

    def run(
        say: Callable[[str], None] = print,
        *,
        dry_run: bool = False,
        left_out: Sequence[UUID] = (),
        by: Restoring = restoring,
    ) -> Report:
        database = PostgresRestored(SERVICE, service.settings, by, [LOG, COMMANDS])
        try:
            work = Restore(list(LOGS), broker, database, say)
            return work.look() if dry_run else work.run(left_out)
        finally:
            database.close()

    yield run
    broker.close()


def mark(service: Service) -> None:
    """Marks the database, for so long that every relay has seen it."""
    since = "now() - interval '1 minute'"
    service.database.execute(f"UPDATE incarnation SET set_back_since = {since}, set_back_because = 'a test'")


def put_back(service: Service, backup: Backup) -> None:
    """Puts a backup back, with no process running, and marks the database as its relay does."""
    service.store.close()
    backup.put_back(service.database)
    mark(service)


def a_day(service: Service, relay: Relaying) -> Backup:
    """Lets much happen, and makes a backup in the middle of it."""
    first, second, third = uuid4(), uuid4(), uuid4()
    service.hand(LOG, service.told("a", 1), service.told("b", 1))
    service.hand(COMMANDS, service.asked(Add, first, 1))
    relay.send(service.database)
    service.hand(LOG, service.told("a", 2))
    backup = Backup(service.database)
    service.hand(COMMANDS, service.asked(TakeAway, first, 1), service.asked(Add, second, 2))
    service.hand(LOG, service.told("a", 3), service.told("c", 1))
    service.hand(COMMANDS, service.asked(Add, second, 2, attempt=2), service.asked(Add, third, UNLUCKY))
    relay.send(service.database)
    return backup
