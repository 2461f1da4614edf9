"""Carries sagas: saves a saga's state and the messages that follow from it in one transaction."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from infirmary.identifiers import service_name
from infirmary.messages import Reply
from infirmary.postgres.archive.late import note_late
from infirmary.postgres.sagas.rows import COLUMNS, SagaRows
from infirmary.postgres.transaction import Transaction
from infirmary.registry import has_saga, room
from infirmary.saga.advance import (
    Advance,
    Happened,
    Replied,
    Resumed,
    Started,
    advance,
    initial,
    not_asked,
)
from infirmary.saga.asking import CannotAsk, command_for
from infirmary.saga.definition import D, Saga, check_sagas
from infirmary.saga.row import SagaRow
from infirmary.saga.saga_spans import transition
from infirmary.saga.state import SagaState
from infirmary.saga.told import expect_sagas, tell_later
from infirmary.saga.versions import KnownSagas
from infirmary.tracing.causation import causation_of
from infirmary.transport.envelope import MalformedMessage, MessageTooLarge

_logger = logging.getLogger(__name__)


class Orchestrator:
    """Starts and carries on the sagas of one service. Any replica may: a saga is taken up under its row lock.

    A service makes one in its `saga.py`. It only says what the sagas are: what a process has chosen comes with each
    transaction.
    """

    def __init__(self, service: str, *sagas: Saga[Any]) -> None:
        """Takes the sagas of a service.

        Raises:
            Misdeclared: Two have the same name, or one asks what is not this service's to ask.
        """
        self.service = service_name(service)
        check_sagas(service, sagas)
        self.sagas = KnownSagas(sagas)

    def show_series(self) -> None:
        """Shows nought for all that may happen to the sagas; to be called by a process that may start or carry them."""
        expect_sagas(self.sagas.newest)

    def peers(self) -> set[str]:
        """Returns the services that take part in the sagas."""
        steps = [step for saga in self.sagas.declared for step in saga.steps]
        return {command.contract.peer for step in steps for command in step.commands()}

    def start(self, tx: Transaction, saga: Saga[D], saga_id: UUID, data: D) -> SagaState:
        """Starts a saga in the transaction that decided it. Returns its first state.

        It goes by the declaration that is given, which is the newest version unless somebody starts an old one again.

        Raises:
            ValueError: This orchestrator does not know the saga, or the data are of another kind.
            MessageTooLarge: The first command is too large; nothing has been started.
        """
        if not any(saga is known for known in self.sagas.declared) or not isinstance(data, saga.data):
            raise ValueError(
                f"{self.service} starts saga {saga.name} with {type(data).__name__}; it should be one of its own, with"
                f" {saga.data.__name__}"
            )
        now = tx.value("SELECT clock_timestamp()")
        row = SagaRow(
            saga_id,
            saga.name,
            saga.version,
            {},
            data.model_dump(mode="json"),
            tx.cause.correlation_id,
            tx.cause.next_traceparent(),
            now,
            now,
        )
        known = {"caused_by": tx.cause.causation_id, "tracestate": tx.cause.tracestate}
        before = initial(saga).model_copy(update=known)
        first = advance(saga, before, Started(), now, tx.options.saga_step_timeout_s)
        tx.execute(
            """INSERT INTO saga (saga_id, name, version, status, state, data, correlation_id, traceparent, due_at)
               VALUES (%(saga_id)s, %(name)s, %(version)s, %(status)s, %(state)s, %(data)s, %(correlation_id)s,
                       %(traceparent)s, clock_timestamp() + make_interval(secs => %(wait_s)s))""",
            saga_id=saga_id,
            name=saga.name,
            version=saga.version,
            status=first.state.status,
            state=Jsonb(first.state.stored(saga.version)),
            data=Jsonb(row.data),
            correlation_id=row.correlation_id,
            traceparent=row.traceparent,
            wait_s=first.wait_s,
        )
        self._remember(tx, row, before, Started(), first, self._send(tx, saga, row, first))
        tell_later(tx, row, before, Started(), first)
        return first.state

    def replied(self, tx: Transaction, reply: Reply, rows: SagaRows, source: str) -> None:
        """Takes a participant's reply. It changes nothing if the saga has ended or is not known here.

        Args:
            tx: The transaction.
            reply: The reply.
            rows: The sagas that the transaction's replies are for.
            source: The service that replies.

        Raises:
            MalformedMessage: The step is asked of another service.
            UnknownVersion: The saga goes by a version that is not declared here.
        """
        row, happened = rows.of(reply.saga_id), Replied(reply.step, reply.outcome, reply.reason)
        if row is not None:
            asked = self.sagas.participant(row.name, row.version, reply.step)
            if asked not in (None, source):
                raise MalformedMessage(
                    f"{source:.80} answers step {reply.step:.80} of a saga {row.name}, which is asked of {asked}"
                )
            rows.put(self._advance(tx, row, happened))
        elif not note_late(tx, reply.saga_id, happened):
            _logger.warning("a reply to the unknown saga %s was dropped", reply.saga_id)

    def resume(self, tx: Transaction, saga_id: UUID) -> bool:
        """Lets a parked saga go on with the current step, with a fresh budget. Returns whether there is such a saga.

        Raises:
            UnknownVersion: It goes by a version that is not declared here.
        """
        rows = tx.many(
            SagaRow,
            f"SELECT {COLUMNS} FROM saga WHERE saga_id = %(saga_id)s AND status = 'parked' FOR UPDATE",
            saga_id=saga_id,
        )
        self.carry_on(tx, rows, Resumed())
        return bool(rows)

    def carry_on(self, tx: Transaction, rows: Sequence[SagaRow], happened: Happened) -> None:
        """Carries sagas on, which are locked, after what happened to each of them.

        Raises:
            UnknownVersion: One goes by a version that is not declared here.
        """
        for row in rows:
            known = row.state.get("caused_by"), row.traceparent, row.state.get("tracestate")
            tx.cause = causation_of(row.correlation_id, *known, tx.options.tracer)
            self._advance(tx, row, happened)

    def _advance(self, tx: Transaction, row: SagaRow, happened: Happened) -> SagaRow:
        """Saves what follows from what happened. Returns the row as it is then."""
        before = SagaState.model_validate(row.state)
        if before.has_ended():  # whatever it went by
            self._remember(tx, row, before, happened, Advance(before), "")
            return row
        saga = self.sagas.of(row.name, row.version, before)
        after = advance(saga, before, happened, row.now, tx.options.saga_step_timeout_s)
        if after.state is before:
            self._remember(tx, row, before, happened, after, "")
            return row
        try:
            sent = self._send(tx, saga, row, after)
        except (CannotAsk, MessageTooLarge) as wrong:
            sent, after = "", not_asked(after, f"the next command cannot be sent: {wrong}")
        state = after.state.model_copy(update={"caused_by": tx.cause.causation_id}).stored(row.version)
        tx.execute(
            """UPDATE saga SET status = %(status)s, state = %(state)s,
                      due_at = clock_timestamp() + make_interval(secs => %(wait_s)s)
               WHERE saga_id = %(saga_id)s""",
            saga_id=row.saga_id,
            status=after.state.status,
            state=Jsonb(state),
            wait_s=after.wait_s,
        )
        self._tell_the_end(tx, row, after)
        self._remember(tx, row, before, happened, after, sent)
        tell_later(tx, row, before, happened, after)
        return replace(row, state=state)

    def _send(self, tx: Transaction, saga: Saga[Any], row: SagaRow, after: Advance) -> str:
        """Sends what is to be sent. Returns it in words.

        Raises:
            CannotAsk: The saga's data do not make the command.
            MessageTooLarge: The command is too large.
        """
        if after.ask is None:
            return ""
        command = command_for(saga, after.ask, row.saga_id, row.data, self.service)
        tx.send(command)
        return f"{type(command).__name__} to {command.contract.peer}, attempt {after.ask.attempt}"

    def _tell_the_end(self, tx: Transaction, row: SagaRow, after: Advance) -> None:
        saga = self.sagas.newest_of(row.name)
        if after.state.status == "completed":
            saga.completed(saga.data.model_validate(row.data), tx)
        elif after.state.status == "failed":
            saga.failed(saga.data.model_validate(row.data), after.state.reason or "unknown", tx)

    def _remember(
        self, tx: Transaction, row: SagaRow, before: SagaState, happened: Happened, after: Advance, sent: str
    ) -> None:
        tx.execute(
            """INSERT INTO saga_history (saga_id, happened, status, sent)
               VALUES (%(saga_id)s, %(happened)s, %(status)s, %(sent)s)""",
            saga_id=row.saga_id,
            happened=str(happened),
            status=after.state.status,
            sent=sent,
        )
        if tx.options.tracer.wants(row.traceparent):
            tx.spans.append(transition(row, before, happened, after, sent, tx.cause))


def orchestrator_of(service: str) -> Orchestrator | None:
    """Returns what carries a service's sagas on; None when the service orchestrates none."""
    return cast("Orchestrator", room(service, "saga").orchestrator) if has_saga(service) else None
