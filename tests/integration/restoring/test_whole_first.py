"""A consumer looks at the ends of its service's own logs before it works, and restores the database where it may."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import sentinel

import pytest

from infirmary.incarnation import DatabaseSetBack
from infirmary.postgres.transaction import transaction
from infirmary.process_roles import Process
from infirmary.restores import WholeFirst
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from local.databases import as_process
from services.patient.messages import PatientRegistered
from tests.integration.restoring.backup import Backup
from tests.integration.restoring.conftest import Service
from tests.integration.restoring.relaying import Relaying

ADA = {"patient_id": "01a21a90-4ee0-7252-b7ab-c38c4f50529a", "full_name": "Ada", "date_of_birth": "1990-01-01"}


@pytest.fixture
def relay(rabbitmq_url: str) -> Iterator[Relaying]:
    relay = Relaying(rabbitmq_url, ("patient.events",))
    yield relay
    relay.close()


@pytest.fixture
def opened(service: Service, rabbitmq_url: str, stream_port: int) -> Callable[[str], Any]:
    """Opens a session of patient's consumer, or what stands for one here."""

    def session(restore: str) -> Any:
        settings = Settings(
            database_url=service.settings.database_url,
            owner_database_url=service.settings.owner_database_url,
            rabbitmq_url=rabbitmq_url,
            rabbitmq_stream_port=stream_port,
            restore=restore,
        )
        return WholeFirst("patient", settings, lambda: sentinel.session).session()

    return session


def register(service: Service, relay: Relaying) -> None:
    with transaction(service.database, "patient", causation_of(None, None, None), False) as tx:
        tx.publish(PatientRegistered.model_validate(ADA | {"version": 1}))
    relay.send(service.database)


def marks(service: Service) -> list[tuple[Any, ...]]:
    return service.rows("SELECT set_back_because FROM incarnation WHERE set_back_since IS NOT NULL")


def numbers(service: Service) -> list[tuple[Any, ...]]:
    return service.rows("SELECT subject, last FROM outbox_sequence")


def test_a_database_that_knows_all_that_was_said_is_worked_on(
    service: Service, relay: Relaying, opened: Callable[[str], Any]
) -> None:
    register(service, relay)
    assert opened("by_hand") is sentinel.session
    assert marks(service) == []


def test_nothing_is_done_on_one_that_was_set_back_before_anybody_else_has_noticed(
    service: Service, relay: Relaying, opened: Callable[[str], Any]
) -> None:
    backup = Backup(service.database)
    register(service, relay)
    backup.put_back(service.database)
    with pytest.raises(DatabaseSetBack, match=r"patient\.events ends with messages .*1 PatientRegistered"):
        opened("by_hand")
    assert len(marks(service)) == 1
    assert numbers(service) == []


def test_a_consumer_that_may_restore_says_that_it_needs_the_owner_for_it(
    service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int
) -> None:
    backup = Backup(service.database)
    register(service, relay)
    backup.put_back(service.database)
    settings = Settings(
        database_url=as_process(service.settings.as_owner().database_url, Process.CONSUMER),
        rabbitmq_url=rabbitmq_url,
        rabbitmq_stream_port=stream_port,
        restore="automatic",
    )
    with pytest.raises(DatabaseSetBack, match="RESTORE=automatic needs OWNER_DATABASE_URL: permission denied"):
        WholeFirst("patient", settings, lambda: sentinel.session).session()
    assert len(marks(service)) == 1
    assert numbers(service) == []


def test_where_it_may_it_is_restored_first(service: Service, relay: Relaying, opened: Callable[[str], Any]) -> None:
    backup = Backup(service.database)
    register(service, relay)
    backup.put_back(service.database)
    assert opened("automatic") is sentinel.session
    assert marks(service) == []
    assert numbers(service) == [(ADA["patient_id"], 1)]
