"""A participant's side of a saga: every attempt of a step gets the same answer, and an undone step stays undone."""

from infirmary.handlers import CommandHandler
from infirmary.messages import Command
from infirmary.postgres.sagas.outcomes import Outcomes
from infirmary.postgres.transaction import Transaction
from infirmary.saga.archived import SagaForgotten, is_forgotten
from infirmary.saga.participant import StoredOutcome, decide, reply_with


def answer(
    tx: Transaction, command: Command, handler: CommandHandler, outcomes: Outcomes, *, is_made_again: bool = False
) -> None:
    """Applies a command once per (saga, step), stores its outcome and replies to the attempt at hand.

    A compensation of what never happened is recorded and answered without calling the handler; the command that
    comes late is then refused. A compensation that is refused is not recorded: undoing is tried until it succeeds,
    each time for real.

    Args:
        tx: The transaction.
        command: The action or the compensation.
        handler: What does it.
        outcomes: What was answered before.
        is_made_again: Whether a restore has made all that the handler did with this very command. It is not called; and
            the answer, unless that was told, too, is given now.

    Raises:
        SagaForgotten: The saga is so old that what was answered to it may have been dropped.
    """
    known = outcomes.of(command.saga_id)
    outcome = known.get(command.step)
    if is_made_again and outcome is not None:
        return
    if is_made_again:
        outcome = StoredOutcome(command.step, "done", None)
        outcomes.remember(command.saga_id, outcome)
    if outcome is None:
        if is_forgotten(command.saga_id, tx.options.saga_kept_days):
            raise SagaForgotten(command.saga_id, command.step, tx.options.saga_kept_days)
        outcome = decide(tx, command, handler, known)
        if outcome.outcome == "done" or not command.is_compensation():
            outcomes.remember(command.saga_id, outcome)
    tx.reply(reply_with(command, outcome), to=command.reply_to)
