"""A participant's side of a saga: every attempt of a step gets the same answer, and an undone step stays undone."""

from infirmary.handlers import CommandHandler
from infirmary.messages import Command
from infirmary.postgres.sagas.outcomes import Outcomes
from infirmary.postgres.transaction import Transaction
from infirmary.saga.participant import decide, reply_with


def answer(tx: Transaction, command: Command, handler: CommandHandler, outcomes: Outcomes) -> None:
    """Applies a command once per (saga, step), stores its outcome and replies to the attempt at hand.

    A compensation of what never happened is recorded and answered without calling the handler; the command that
    comes late is then refused. A compensation that is refused is not recorded: undoing is tried until it succeeds,
    each time for real.
    """
    known = outcomes.of(command.saga_id)
    outcome = known.get(command.step)
    if outcome is None:
        outcome = decide(tx, command, handler, known)
        if outcome.outcome == "done" or not command.is_compensation():
            outcomes.remember(command.saga_id, outcome)
    tx.reply(reply_with(command, outcome), to=command.reply_to)
