"""A participant's side of a saga in MongoDB: one document for each step, its effect, its outcome and its replies."""

from typing import Any

from services.chassis.handlers import CommandHandler
from services.chassis.messages import COMPENSATION_SUFFIX, Command, Reply
from services.chassis.mongo import outbox
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.saga.outcomes import StoredOutcome
from services.chassis.saga.participant import decide


def answer(tx: MongoTransaction, command: Command, handler: CommandHandler) -> bool:
    """Applies a command once per (saga, step) and replies to each attempt, by the rules of the chassis's participant.

    The first attempt writes the step's document; each further one, which is a message of its own, only appends a reply
    to its outbox. The document keeps the ids of the messages answered, so that a redelivered one gets no second reply.

    Returns:
        False if this very message was answered before.
    """
    known = _known(tx, command)
    if command.step not in known:
        outcome = decide(tx, command, handler, known)
        _reply(tx, command, outcome)
        if tx.commit(**_step_fields(tx, command, outcome)):
            return True
        # A consumer that was thought dead has written the step meanwhile, or this message's reply.
        known = _known(tx, command)
    return command.step in known and _answer_again(tx, command, known[command.step])


def _known(tx: MongoTransaction, command: Command) -> dict[str, StoredOutcome]:
    steps = [command.action_step(), command.action_step() + COMPENSATION_SUFFIX]
    found = tx.collection.find(
        {"saga_id": command.saga_id, "step": {"$in": steps}},
        {"_id": False, "step": True, "outcome": True, "reason": True},
    )
    return {each["step"]: StoredOutcome(each["step"], each["outcome"], each["reason"]) for each in found}


def _step_fields(tx: MongoTransaction, command: Command, outcome: StoredOutcome) -> dict[str, Any]:
    if outcome.outcome == "refused" and command.is_compensation():
        return {}  # undoing is tried until it succeeds, each time for real
    return {
        "saga_id": command.saga_id,
        "step": command.step,
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "answered": [tx.message_id],
    }


def _answer_again(tx: MongoTransaction, command: Command, outcome: StoredOutcome) -> bool:
    tx.messages.clear()  # what the handler published has come too late
    _reply(tx, command, outcome)
    appended = tx.collection.update_one(
        {"saga_id": command.saga_id, "step": command.step, "answered": {"$ne": tx.message_id}},
        {
            "$push": {"outbox": {"$each": outbox.rows(tx.messages)}, "answered": tx.message_id},
            "$set": {"outbox_since": tx.messages[0].created_at},
        },
    )
    return appended.matched_count > 0


def _reply(tx: MongoTransaction, command: Command, outcome: StoredOutcome) -> None:
    answered = {"saga_id": command.saga_id, "step": command.step, "attempt": command.attempt}
    tx.reply(
        Reply.model_validate({**answered, "outcome": outcome.outcome, "reason": outcome.reason}), to=command.reply_to
    )
