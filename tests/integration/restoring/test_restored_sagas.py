"""Sagas that a database had forgotten are where they were, whenever the backup was made, and no end is told twice."""

from collections.abc import Callable, Iterator
from typing import Any, Literal
from uuid import UUID

import psycopg
import pytest

from infirmary.identifiers import new_id
from infirmary.messages import Reply
from infirmary.postgres.restoring.database import PostgresRestored
from infirmary.postgres.sagas.rows import SagaRows
from infirmary.postgres.transaction import Transaction, transaction
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.restore import Report, Restore
from infirmary.restoring.treatment import treatment_of
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.admission.messages import AdmissionCompleted, AdmissionFailed, AdmissionRequested
from services.admission.saga import ADMISSION, Admission, orchestrator, requested
from tests.chaos.nemesis.post import Post
from tests.integration.conftest import NewDatabase
from tests.integration.reading import connected
from tests.integration.restoring.backup import Backup
from tests.integration.restoring.relaying import Relaying

LOGS = ("admission.events", *(f"admission.to.{peer}" for peer in ("billing", "notification", "patient", "ward")))

Answer = tuple[str, Literal["done", "refused"]]
COMPLETED: list[Answer] = [("bed", "done"), ("admission", "done"), ("billing", "done"), ("confirmation", "done")]
FAILED: list[Answer] = [
    ("bed", "done"), ("admission", "done"), ("billing", "refused"), ("admission.compensation", "done"),
    ("bed.compensation", "done"),
]  # fmt: skip

restoring = Restoring("admission")
restoring.saga(ADMISSION, begins=AdmissionRequested, completes=AdmissionCompleted, fails=AdmissionFailed)


class Service:
    """Admission's database, in which admissions begin and are answered."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)

    def admit(self) -> UUID:
        """Begins an admission."""
        admission = Admission(admission_id=new_id(), patient_id=new_id(), ward_id="north")

        def begin(tx: Transaction) -> None:
            orchestrator.start(tx, ADMISSION, admission.admission_id, admission)
            tx.publish(requested(admission))

        self._do(begin)
        return admission.admission_id

    def answer(self, admission_id: UUID, step: str, outcome: str) -> None:
        """Brings the answer to a step."""
        reply = Reply.model_validate(
            {"saga_id": admission_id, "step": step, "attempt": 1, "outcome": outcome, "reason": "there is a hold"}
        )
        asked = orchestrator.sagas.participant(ADMISSION.name, ADMISSION.version, step)
        assert asked is not None
        self._do(lambda tx: orchestrator.replied(tx, reply, SagaRows(tx), asked))

    def _do(self, work: Callable[[Transaction], None]) -> None:
        cause = causation_of("the admission", str(new_id()), None)
        with transaction(self.database, "admission", cause, pipelined=False) as tx:
            work(tx)

    def state(self) -> list[tuple[Any, ...]]:
        """Returns where all sagas are, and the numbers given out."""
        steps = "(SELECT jsonb_agg(step -> 'state') FROM jsonb_array_elements(state -> 'steps') AS step)"
        where = "jsonb_build_array(state -> 'step', state -> 'undoing', state -> 'attempt')"
        sagas = f"""SELECT saga_id, name, version, status, data, correlation_id, started_at > now() - interval '1 hour',
                           CASE WHEN due_at IS NOT NULL THEN {where} END, {steps}
                    FROM saga ORDER BY 1"""
        numbers = "SELECT subject, last FROM outbox_sequence ORDER BY 1"
        return [*self.database.execute(sagas).fetchall(), *self.database.execute(numbers).fetchall()]


@pytest.fixture
def service(new_database: NewDatabase) -> Iterator[Service]:
    service = Service(new_database("admission"))
    yield service
    service.database.close()


@pytest.fixture
def relay(rabbitmq_url: str) -> Iterator[Relaying]:
    relay = Relaying(rabbitmq_url, LOGS)
    yield relay
    relay.close()


def restored(service: Service, rabbitmq_url: str, stream_port: int) -> Report:
    broker = connected(rabbitmq_url, stream_port)
    database = PostgresRestored("admission", service.settings, restoring, [], orchestrator)
    try:
        return Restore(list(LOGS), broker, database, print).run()
    finally:
        database.close()
        broker.close()


@pytest.mark.parametrize("answers", [COMPLETED, FAILED, COMPLETED[:2], FAILED[:3], []])
@pytest.mark.parametrize("kept", [-1, 0, 2])
def test_an_admission_is_where_it_was(
    service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int, answers: list[Answer], kept: int
) -> None:
    backup = Backup(service.database)
    admission_id = service.admit()
    for number, answer in enumerate(answers):
        if number == kept:
            backup = Backup(service.database)
        service.answer(admission_id, *answer)
    before = service.state()
    relay.send(service.database)
    backup.put_back(service.database)
    report = restored(service, rabbitmq_url, stream_port)
    assert service.state() == before
    assert service.database.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    told = [treatment_of(restoring, log, kind) for log, found in report.found.items() for kind in found.kinds]
    assert all(treatment.is_made_again for treatment in told)


def test_an_admission_that_was_under_way_goes_on(
    service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int
) -> None:
    backup, admission_id = Backup(service.database), service.admit()
    service.answer(admission_id, *COMPLETED[0])
    relay.send(service.database)
    backup.put_back(service.database)
    restored(service, rabbitmq_url, stream_port)
    for answer in COMPLETED:  # the consumer reads the first one again: the saga is behind it
        service.answer(admission_id, *answer)
    assert service.database.execute("SELECT status FROM saga").fetchall() == [("completed",)]
    sent = service.database.execute("SELECT type, sequence FROM outbox ORDER BY id").fetchall()
    assert sent == [("CreateAdmissionBilling", 1), ("SendAdmissionConfirmation", 1), ("AdmissionCompleted", 2)]


def test_a_saga_whose_beginning_nothing_tells_is_listed(
    service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int
) -> None:
    backup = Backup(service.database)
    service.admit()
    relay.send(service.database, lost=lambda kind: kind == "AdmissionRequested")
    backup.put_back(service.database)
    [(kind, messages)] = restored(service, rabbitmq_url, stream_port).found["admission.to.ward"].kinds.items()
    assert (kind, messages) == ("ReserveBed of an unknown saga", 1)
    assert not treatment_of(restoring, "admission.to.ward", kind).is_made_again


def test_what_no_saga_can_have_sent_is_listed_and_stops_nothing(
    service: Service, relay: Relaying, rabbitmq_url: str, stream_port: int
) -> None:
    backup, admission_id = Backup(service.database), service.admit()
    relay.send(service.database)
    with Post(rabbitmq_url) as post:
        post.command("admission.to.billing", "Nonsense", str(new_id()), 1, b"no JSON")
    backup.put_back(service.database)
    found = restored(service, rabbitmq_url, stream_port).found
    assert found["admission.to.billing"].kinds == {"Nonsense of an unknown saga": 1}
    assert service.database.execute("SELECT saga_id FROM saga").fetchall() == [(admission_id,)]
