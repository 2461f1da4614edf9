"""What goes wrong in the orchestrator itself is neither a refusal nor silence: nothing is undone for it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from pydantic import BaseModel

from infirmary.consumer.applying import Applier
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.handlers import Handlers
from infirmary.identifiers import new_id
from infirmary.messages import Command, Reply, encode, sends
from infirmary.postgres.notify import Notifier
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.sagas.timers import time_out
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import Transaction, transaction
from infirmary.saga.definition import MAX_SILENT_ATTEMPTS, Saga, Step
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import MessageTooLarge
from infirmary.transport.write_options import WriteOptions
from tests.integration.conftest import NewDatabase
from tests.spans import Spans

PARTICIPANTS = ("ward", "billing")


class Stay(BaseModel):
    nights: int
    note: str = ""


@sends("ward")
class Reserve(Command):
    nights: int


@sends("ward")
class Release(Command):
    nights: int


@sends("billing")
class Charge(Command):
    nights: int
    note: str


@sends("billing")
class Refund(Command):
    nights: int


class Leading:
    """A service that leads a saga of two steps; `broken` says whether what ends it has a bug."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.broken = settings, False
        self.spans = Spans()
        self.tracer = self.spans.tracer()
        self.saga = Saga(
            "stay",
            Stay,
            Step("bed", Reserve, compensation=Release),
            Step("bill", Charge, compensation=Refund, pivot=True),
        )
        self.saga.when_completed(self._completed)
        self.orchestrator = Orchestrator("leading", self.saga)
        self.orchestrator.show_series()
        self.notifier = Notifier(settings, "leading")
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)
        self.dispatcher = Dispatcher(Handlers("leading"), self.orchestrator.peers())
        self.store = PostgresStore("leading", settings, self.dispatcher, self.notifier, self.orchestrator, self.tracer)
        self.applier = Applier(self.store, self.dispatcher.handles, self.dispatcher.series, 30)
        self._positions = {f"{each}.to.leading": Position(first_offset=0) for each in PARTICIPANTS}
        self._replied: Counter[str] = Counter()
        for log in self._positions:
            self.store.positions.read(log)
        self.saga_id = new_id()

    def options(self, message_max_bytes: int) -> WriteOptions:
        return WriteOptions(message_max_bytes=message_max_bytes, tracer=self.tracer)

    def _completed(self, stay: Stay, _tx: Transaction) -> None:
        if self.broken:
            raise RuntimeError(f"a bug in what ends {stay}")

    @contextmanager
    def transaction(self, message_max_bytes: int = 10_000) -> Iterator[Transaction]:
        cause = causation_of(None, None, None)
        with transaction(self.database, "leading", cause, False, self.options(message_max_bytes)) as tx:
            yield tx

    def start(self, note: str = "", message_max_bytes: int = 10_000) -> UUID:
        with self.transaction(message_max_bytes) as tx:
            self.orchestrator.start(tx, self.saga, self.saga_id, Stay(nights=2, note=note))
        return self.saga_id

    def answered(self, step: str, attempt: int = 1) -> None:
        """The participant has done its part, and the consumer takes its reply."""
        reply = Reply(saga_id=self.saga_id, step=step, attempt=attempt, outcome="done")
        self.replied(encode(reply), "ward" if step.startswith("bed") else "billing")

    def replied(self, body: bytes, participant: str = "ward") -> None:
        """The consumer takes the next reply of a participant."""
        log, offset = f"{participant}.to.leading", self._replied.total()
        self._replied[f"{participant} {self.saga_id}"] += 1
        headers = {"subject": str(self.saga_id), "sequence": self._replied[f"{participant} {self.saga_id}"]}
        properties = {"message_id": str(new_id()), "app_id": participant, "type": "Reply"}
        delivery = Delivery({**properties, "application_headers": headers}, body, offset + 1, offset)
        self._positions[log] = self.applier.apply(log, [delivery], self._positions[log])

    def retry(self) -> None:
        """Tries what is held."""
        for log, position in self._positions.items():
            self.applier.retry(log, position)

    def silence(self, times: int) -> None:
        """The saga's timer runs out so many times."""
        for _ in range(times):
            self.database.execute("UPDATE saga SET due_at = now() WHERE due_at IS NOT NULL")
            with self.transaction() as tx:
                time_out(self.orchestrator, tx)

    def state(self) -> tuple[str, str | None, list[str]]:
        """Returns the saga's status, its reason and how far its steps are."""
        ((state,),) = self.database.execute("SELECT state FROM saga").fetchall()
        return state["status"], state["reason"], [step["state"] for step in state["steps"]]

    def sent(self) -> list[str]:
        return [kind for (kind,) in self.database.execute("SELECT type FROM outbox ORDER BY id").fetchall()]

    def close(self) -> None:
        for thing in (self.notifier, self.store, self.database):
            thing.close()


@pytest.fixture
def leading(new_database: NewDatabase) -> Iterator[Leading]:
    leading = Leading(new_database("prescription"))
    yield leading
    leading.close()


def test_a_command_that_the_sagas_data_do_not_make_parks_the_saga_with_the_field(leading: Leading) -> None:
    leading.start()
    leading.database.execute("UPDATE saga SET data = data - 'nights'")  # as a release before this one has left it
    leading.answered("bed")
    status, reason, steps = leading.state()
    assert (status, steps) == ("parked", ["done", "running"])
    assert reason == ("the next command cannot be sent: Stay.nights: Field required; the saga's data do not hold it")
    leading.silence(MAX_SILENT_ATTEMPTS + 1)
    assert leading.sent() == ["Reserve"]
    leading.database.execute("UPDATE saga SET data = data || '{\"nights\": 3}'")
    with leading.transaction() as tx:
        assert leading.orchestrator.resume(tx, leading.saga_id)
    assert leading.state() == ("running", None, ["done", "running"])
    assert leading.sent() == ["Reserve", "Charge"]


def test_what_the_data_lack_and_has_a_default_is_filled_in(leading: Leading) -> None:
    leading.start()
    leading.database.execute("UPDATE saga SET data = data - 'note'")  # as a release before this one has left it
    leading.answered("bed")
    assert leading.state() == ("running", None, ["done", "running"])
    [(charge,)] = leading.database.execute("SELECT body FROM outbox WHERE type = 'Charge'").fetchall()
    assert json.loads(charge)["note"] == ""


def test_a_command_that_is_too_large_parks_the_saga(new_database: NewDatabase) -> None:
    leading = Leading(new_database("prescription").model_copy(update={"message_max_bytes": 500}))
    leading.start(note="n" * 500)
    leading.answered("bed")
    status, reason, steps = leading.state()
    assert (status, steps) == ("parked", ["done", "running"])
    assert reason is not None
    assert "Charge has " in reason
    assert "MESSAGE_MAX_BYTES allows 500" in reason
    leading.close()


def test_a_saga_whose_first_command_is_too_large_does_not_begin(leading: Leading) -> None:
    with pytest.raises(MessageTooLarge, match="Reserve has"):
        leading.start(message_max_bytes=20)
    assert leading.database.execute("SELECT count(*) FROM saga").fetchone() == (0,)


def test_an_answer_that_cannot_be_applied_is_no_silence(leading: Leading) -> None:
    leading.start()
    leading.answered("bed")
    leading.broken = True
    leading.answered("bill")
    assert leading.state()[0] == "running"
    leading.silence(MAX_SILENT_ATTEMPTS + 1)
    assert leading.state() == ("running", None, ["done", "running"])
    assert leading.sent() == ["Reserve", "Charge"]
    assert leading.database.execute("SELECT due_at > now() + interval '10 s' FROM saga").fetchone() == (True,)
    leading.broken = False
    leading.database.execute("UPDATE parked_message SET retry_at = now()")
    leading.retry()
    assert leading.state() == ("completed", None, ["done", "done"])


def test_an_answer_that_nobody_can_read_is_no_answer(leading: Leading) -> None:
    leading.start()
    leading.replied(b"{}")
    leading.silence(1)
    assert leading.sent() == ["Reserve", "Reserve"]


@pytest.mark.parametrize("step", ["bed", "bed.compensation"])
def test_an_answer_of_a_participant_to_anothers_step_is_held_and_is_no_answer(leading: Leading, step: str) -> None:
    leading.start()
    forged = encode(Reply(saga_id=leading.saga_id, step=step, attempt=1, outcome="done"))
    leading.replied(forged, "billing")
    held = leading.database.execute("SELECT channel, source, type, unreadable, error FROM parked_message").fetchall()
    why = f"MalformedMessage: billing answers step {step} of a saga stay, which is asked of ward"
    assert held == [("billing.to.leading", "billing", "Reply", True, why)]
    leading.database.execute("UPDATE parked_message SET retry_at = now()")
    leading.retry()
    leading.silence(1)
    assert (leading.sent(), leading.state()[0]) == (["Reserve", "Reserve"], "running")
    leading.answered("bed")
    leading.answered("bill")
    assert leading.state() == ("completed", None, ["done", "done"])


def test_only_a_saga_that_the_orchestrator_knows_is_started(leading: Leading) -> None:
    other = Saga("stay", Stay, Step("bill", Charge, compensation=Refund, pivot=True))
    with (
        leading.transaction() as tx,
        pytest.raises(ValueError, match="leading starts saga stay with Stay; it should be"),
    ):
        leading.orchestrator.start(tx, other, leading.saga_id, Stay(nights=1))
