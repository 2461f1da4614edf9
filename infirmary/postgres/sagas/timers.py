"""Takes up sagas whose participants have been silent for too long."""

import logging
from collections.abc import Sequence

from infirmary.messages import Reply
from infirmary.postgres.database import is_transient
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.sagas.rows import COLUMNS
from infirmary.postgres.transaction import Transaction
from infirmary.saga.advance import TimedOut
from infirmary.saga.row import SagaRow
from infirmary.transport.log_names import log_to, old_queue_of

_logger = logging.getLogger(__name__)

_LOOK_AGAIN_S = 30.0
"""When a saga is taken up again that could not be carried on: what ends it fails, or an answer to it is held."""


def time_out(orchestrator: Orchestrator, tx: Transaction, at_most: int = 50) -> int:
    """Takes up sagas whose participants have been silent for too long.

    Sagas in other hands are left out, and those of a version that is not known here, for a release that knows it.

    Returns how many were taken up.
    """
    names, versions = orchestrator.sagas.names_and_versions()
    # statement_timestamp: no index helps a comparison with clock_timestamp, which changes from row to row.
    rows = tx.many(
        SagaRow,
        f"""SELECT {COLUMNS} FROM saga WHERE due_at <= statement_timestamp()
              AND (name, version) IN (SELECT * FROM unnest(%(names)s::text[], %(versions)s::integer[]))
            ORDER BY due_at LIMIT %(at_most)s FOR UPDATE SKIP LOCKED""",
        names=names,
        versions=versions,
        at_most=at_most,
    )
    answered = _answers_held(orchestrator, tx, rows)
    for row in rows:
        if str(row.saga_id) in answered:
            _look_again(tx, row)
            continue
        try:
            with tx.savepoint():
                orchestrator.carry_on(tx, [row], TimedOut())
        except Exception as error:  # one saga that cannot go on must not keep the others
            if is_transient(error):
                raise
            found_by = {"correlation_id": row.correlation_id, "saga_id": str(row.saga_id)}
            _logger.exception("saga %s cannot be carried on", row.saga_id, extra=found_by)
            _look_again(tx, row)
    return len(rows)


def _answers_held(orchestrator: Orchestrator, tx: Transaction, rows: Sequence[SagaRow]) -> set[str]:
    """Returns the ids of the sagas whose participant has answered, though the answer could not be applied here.

    That is no silence: a step that may have been done is not to be undone for it. The answer is tried again by
    itself.
    """
    if not rows:
        return set()
    service = orchestrator.service
    replied_in = [log_to(peer, service) for peer in orchestrator.peers()] + [old_queue_of(service)]
    held = tx.connection.execute(
        """SELECT subject FROM parked_message
           WHERE channel = ANY(%s) AND subject = ANY(%s) AND type = %s AND NOT unreadable""",
        (replied_in, [str(row.saga_id) for row in rows], Reply.__name__),
    )
    return {subject for (subject,) in held.fetchall()}


def _look_again(tx: Transaction, row: SagaRow) -> None:
    tx.execute(
        "UPDATE saga SET due_at = clock_timestamp() + make_interval(secs => %(wait_s)s) WHERE saga_id = %(saga_id)s",
        saga_id=row.saga_id,
        wait_s=_LOOK_AGAIN_S,
    )
