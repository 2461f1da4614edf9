"""The service's own sagas while its database is restored: begun, carried and ended by what its logs tell of them."""

from datetime import UTC, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from infirmary.messages import Command, Event
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.sagas.rows import COLUMNS
from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import REASON, SAGA_ID, Restoring, SagaTold, said_at
from infirmary.restoring.sagas import Asked, Ended, after_asking, after_ending
from infirmary.restoring.told import Told
from infirmary.saga.advance import initial
from infirmary.saga.definition import FIRST_VERSION, Saga
from infirmary.saga.row import SagaRow
from infirmary.saga.state import SagaState
from infirmary.transport.body import read_body
from infirmary.transport.envelope import MalformedMessage

SAGA_VERSION: Final = "saga_version"
"""The field of an event that begins a saga that holds by which version of its declaration the saga goes."""

LEFT_ALONE_S: Final = 30
"""For so long no saga asks again after a restore: its answer may stand in a log that the consumer has still to read."""

_BEGIN: Final[LiteralString] = """
INSERT INTO saga (saga_id, name, version, status, state, data, correlation_id, traceparent, started_at, due_at)
VALUES (%(saga_id)s, %(name)s, %(version)s, %(status)s, %(state)s, %(data)s, %(correlation_id)s, %(traceparent)s,
        %(at)s, clock_timestamp()) ON CONFLICT (saga_id) DO NOTHING
"""

_FIND: Final[LiteralString] = f"SELECT {COLUMNS} FROM saga WHERE saga_id = %(saga_id)s FOR UPDATE"

_SAVE: Final[LiteralString] = """
UPDATE saga SET status = %(status)s, state = %(state)s,
       due_at = CASE WHEN %(has_ended)s THEN NULL ELSE clock_timestamp() END
WHERE saga_id = %(saga_id)s
"""

_REMEMBER: Final[LiteralString] = """
INSERT INTO saga_history (saga_id, at, happened, status, sent)
VALUES (%(saga_id)s, %(at)s, 'told by the log, when the database was restored', %(status)s, %(sent)s)
"""

_WAIT: Final[LiteralString] = """
UPDATE saga SET due_at = greatest(due_at, clock_timestamp() + make_interval(secs => %(wait_s)s))
WHERE due_at IS NOT NULL AND status <> 'parked'
"""


class RestoredSagas:
    """The sagas of one service, in one transaction.

    Attributes:
        unknown: What is told of sagas of which the log does not tell that they have begun: nothing can be made of it.
    """

    def __init__(self, tx: Transaction, restoring: Restoring, orchestrator: Orchestrator | None) -> None:
        """Prepares the work.

        Args:
            tx: The transaction; its cause is the message at hand.
            restoring: Says which events tell of sagas.
            orchestrator: What knows the declarations; None where the service has no sagas.
        """
        self._tx, self._restoring, self._orchestrator = tx, restoring, orchestrator
        self.unknown: list[Told] = []

    def tell(self, told: Told) -> None:
        """Takes on what an event tells of a saga, if it does."""
        for saga in self._restoring.sagas.values():
            for kind in saga.events():
                if kind.__name__ == told.message.type:
                    self._take_on(saga, read_body(kind, told.message.body), told)

    def asked(self, told: Told) -> None:
        """Takes on that a saga has sent a command."""
        try:
            command = read_body(Command, told.message.body)
        except MalformedMessage:  # nobody's command: somebody else has put it into the log
            self.unknown.append(told)
            return
        row = self._find(command.saga_id, told)
        if row is None:
            return
        before, at = SagaState.model_validate(row.state), said_at(self._tx)
        asked = Asked(command.action_step(), command.is_compensation(), command.attempt, at)
        self._save(row, after_asking(before, asked), f"{told.message.type}, attempt {command.attempt}")

    def _take_on(self, saga: SagaTold, event: Event, told: Told) -> None:
        saga_id = getattr(event, SAGA_ID, UUID(event.subject()) if SAGA_ID not in type(event).model_fields else None)
        if saga_id is None:  # the event is told for another reason, too
            return
        if isinstance(event, saga.begins):
            self._begin(self._declared(saga.saga, getattr(event, SAGA_VERSION, FIRST_VERSION)), saga_id, event, told)
            return
        row = self._find(saga_id, told)
        if row is None:
            return
        reason = (
            getattr(event, REASON) or "unknown" if saga.fails is not None and isinstance(event, saga.fails) else None
        )
        ended = Ended(reason, said_at(self._tx))
        self._save(row, after_ending(SagaState.model_validate(row.state), ended), "")

    def _begin(self, saga: Saga[Any], saga_id: UUID, event: Event, told: Told) -> None:
        cause, at = self._tx.cause, said_at(self._tx)
        known = {"caused_by": str(told.causation_id or cause.causation_id), "tracestate": cause.tracestate}
        state = initial(saga).model_copy(update=known)
        self._tx.execute(
            _BEGIN,
            saga_id=saga_id,
            name=saga.name,
            version=saga.version,
            status=state.status,
            state=Jsonb(state.stored(saga.version)),
            data=Jsonb(saga.data.model_validate(event, from_attributes=True).model_dump(mode="json")),
            correlation_id=cause.correlation_id,
            traceparent=cause.traceparent,
            at=at,
        )
        self._remember(saga_id, at, state, "")

    def _declared(self, saga: Saga[Any], version: int) -> Saga[Any]:
        known = self._orchestrator.sagas.declared if self._orchestrator is not None else ()
        for each in known:
            if (each.name, each.version) == (saga.name, version):
                return each
        raise LookupError(
            f"this release does not know version {version} of saga {saga.name}; restore with one that does"
        )

    def _find(self, saga_id: UUID, told: Told) -> SagaRow | None:
        row = self._tx.one(SagaRow, _FIND, saga_id=saga_id)
        if row is None:
            self.unknown.append(told)
        return row

    def _save(self, row: SagaRow, state: SagaState, sent: str) -> None:
        self._tx.execute(
            _SAVE,
            saga_id=row.saga_id,
            status=state.status,
            state=Jsonb(state.stored(row.version)),
            has_ended=state.has_ended(),
        )
        self._remember(row.saga_id, said_at(self._tx), state, sent)

    def _remember(self, saga_id: UUID, at: datetime, state: SagaState, sent: str) -> None:
        self._tx.execute(_REMEMBER, saga_id=saga_id, at=at.astimezone(UTC), status=state.status, sent=sent)


def let_wait(tx: Transaction) -> None:
    """Lets no saga ask again before the consumer has had time to read the answers that there are."""
    tx.execute(_WAIT, wait_s=LEFT_ALONE_S)
