"""A participant's side of a saga in MongoDB: one document for each step, its effect, its outcome and its replies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pymongo.errors import BulkWriteError

from services.chassis.handlers import CommandHandler
from services.chassis.messages import Command
from services.chassis.mongo import outbox
from services.chassis.mongo.storage import MongoCollection
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.saga.outcomes import StoredOutcome
from services.chassis.saga.participant import decide, reply_with


class Asked(NamedTuple):
    """A command, what it is applied through and what applies it."""

    tx: MongoTransaction
    command: Command
    handler: CommandHandler


def answer(tx: MongoTransaction, command: Command, handler: CommandHandler) -> bool:
    """Applies a command once per (saga, step) and replies to each attempt, by the rules of the chassis's participant.

    The first attempt writes the step's document; each further one, which is a message of its own, only appends a reply
    to its outbox. The document keeps the ids of the messages answered, so that a redelivered one gets no second reply.

    Returns:
        False if this very message was answered before.
    """
    known = _known(tx.collection, [command])[command.saga_id]
    if command.step not in known:
        outcome = decide(tx, command, handler, known)
        tx.reply(reply_with(command, outcome), to=command.reply_to)
        if tx.commit(**_step_fields(tx, command, outcome)):
            return True
        # A consumer that was thought dead has written the step meanwhile, or this message's reply.
        known = _known(tx.collection, [command])[command.saga_id]
    return command.step in known and _answer_again(tx, command, known[command.step])


def answer_first(asked: Sequence[Asked]) -> set[UUID]:
    """Applies commands of sagas that differ, as far as that takes one write for all of them.

    Returns:
        The ids of the messages that are applied. Each of the others is to be applied by `answer`: it is a further
        attempt, it fails, or somebody else has written its step.
    """
    collection = asked[0].tx.collection
    known = _known(collection, [each.command for each in asked])
    documents = [_first_document(each, known[each.command.saga_id]) for each in asked]
    return _insert(collection, [document for document in documents if document is not None])


def _first_document(asked: Asked, known: Mapping[str, StoredOutcome]) -> dict[str, Any] | None:
    tx, command, handler = asked
    if command.step in known:
        return None
    try:
        outcome = decide(tx, command, handler, known)
    except Exception:  # whatever a handler raises; it does so again for `answer`
        return None
    tx.reply(reply_with(command, outcome), to=command.reply_to)
    return tx.document(**_step_fields(tx, command, outcome))


def _insert(collection: MongoCollection, documents: Sequence[dict[str, Any]]) -> set[UUID]:
    """Writes documents and returns the ids of those that are surely written."""
    ids: list[UUID] = [document["_id"] for document in documents]
    if not documents:
        return set()
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if error.details["writeConcernErrors"]:
            return set()
        failed = {each["index"] for each in error.details["writeErrors"]}
        return {message_id for index, message_id in enumerate(ids) if index not in failed}
    return set(ids)


def _known(collection: MongoCollection, commands: Sequence[Command]) -> defaultdict[UUID, dict[str, StoredOutcome]]:
    """Returns what was answered to the sagas of commands, by saga and step."""
    found = collection.find(
        {"saga_id": {"$in": [command.saga_id for command in commands]}},
        {"_id": False, "saga_id": True, "step": True, "outcome": True, "reason": True},
    )
    known: defaultdict[UUID, dict[str, StoredOutcome]] = defaultdict(dict)
    for each in found:
        known[each["saga_id"]][each["step"]] = StoredOutcome(each["step"], each["outcome"], each["reason"])
    return known


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
    tx.take_back_messages()
    tx.reply(reply_with(command, outcome), to=command.reply_to)
    appended = tx.collection.update_one(
        {"saga_id": command.saga_id, "step": command.step, "answered": {"$ne": tx.message_id}},
        {
            "$push": {"outbox": {"$each": outbox.rows(tx.messages)}, "answered": tx.message_id},
            "$set": {"outbox_since": tx.messages[0].created_at},
        },
    )
    return appended.matched_count > 0
