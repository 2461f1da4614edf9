"""A restore that is killed goes on from where it was, whenever that is, and there is one of a service at a time."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
from click.testing import CliRunner

from infirmary.command import of_service
from infirmary.identifiers import new_id
from infirmary.postgres.restoring.database import PostgresRestored
from infirmary.postgres.transaction import transaction
from infirmary.restoring.database import CannotRestore
from infirmary.restoring.restore import Report
from infirmary.tracing.causation import causation_of
from services.patient.messages import PatientRegistered
from tests.eventually import eventually
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE
from tests.integration.restoring.backup import Backup
from tests.integration.restoring.conftest import Service, a_day, put_back, restoring
from tests.integration.restoring.relaying import Relaying

COMMAND = [sys.executable, "-m", "services", "patient", "restore"]
PATIENTS, KILLS = 2_000, 3


@pytest.mark.parametrize("seed", [15])
def test_a_restore_that_is_killed_at_any_moment_and_begun_again_comes_to_its_end(
    service: Service, rabbitmq_url: str, stream_port: int, seed: int
) -> None:
    chance, backup = random.Random(seed), Backup(service.database)
    environment = {
        "DATABASE_URL": service.settings.database_url,
        "RABBITMQ_URL": rabbitmq_url,
        "RABBITMQ_STREAM_PORT": str(stream_port),
    }
    with closing(Relaying(rabbitmq_url, ("patient.events",))) as relay:
        registered = register(service, PATIENTS)
        relay.send(service.database)
        numbers = service.state()["numbers"]
        put_back(service, backup)
        killed = 0
        for _ in range(KILLS):
            wanted = len(patients(service)) + chance.randrange(PATIENTS // KILLS)
            process = subprocess.Popen(COMMAND, env=os.environ | environment, stdout=subprocess.DEVNULL)
            eventually(
                lambda: len(patients(service)) >= wanted or process.poll() is not None,  # noqa: B023 - used at once
                because="it gets on, or has come to its end",
                within_s=60.0,
            )
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.0, 0.1))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        assert killed > 0, "each had come to its end"
        CliRunner().invoke(of_service("patient"), ["restore"], env=environment)
    assert patients(service) == registered
    assert service.state()["numbers"] == numbers
    assert service.rows("SELECT set_back_because FROM incarnation") == [(None,)]
    assert service.rows("SELECT log FROM restore_progress") == service.rows("SELECT id FROM outbox") == []


def test_a_second_restore_is_refused_while_one_is_under_way(
    service: Service, relay: Relaying, restore: Callable[..., Report]
) -> None:
    backup = a_day(service, relay)
    before = service.state()
    put_back(service, backup)
    first = PostgresRestored(SERVICE, service.settings, restoring, [LOG, COMMANDS])
    with closing(first):
        first.begin()
        with pytest.raises(CannotRestore, match=f"another restore of {SERVICE} is under way"):
            restore()
    assert service.state() != before
    restore()
    assert service.state() == before


def register(service: Service, number: int) -> list[str]:
    """Lets patients be registered; returns their ids in their order."""
    ids = sorted(str(new_id()) for _ in range(number))
    with transaction(service.database, "patient", causation_of(None, None, None), pipelined=False) as tx:
        for patient_id in ids:
            known = {"patient_id": patient_id, "full_name": "Ada", "date_of_birth": "1990-01-01", "version": 1}
            tx.publish(PatientRegistered.model_validate(known))
    return ids


def patients(service: Service) -> list[str]:
    return [str(patient_id) for (patient_id,) in service.rows("SELECT patient_id FROM patients ORDER BY 1")]
