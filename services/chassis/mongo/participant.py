"""A participant's side of a saga in MongoDB: what was answered, and the writes that follow from an answer.

The first command of a saga makes one document of the effect, the outcome and the reply: one write, which is the saga's
home here. What comes after it writes its effect, if it has one, in a document of its own, and then adds its outcome and
its reply to the home, so that a saga's replies are numbered where they are kept. A crash between the two repeats the
message, which finds its effect done. The home keeps the ids of the messages answered, so that a repeated one gets no
second reply.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pymongo import UpdateOne

from services.chassis.handlers import CommandHandler
from services.chassis.messages import Command
from services.chassis.mongo import outbox
from services.chassis.mongo.storage import MongoCollection
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.saga.outcomes import StoredOutcome
from services.chassis.saga.participant import decide, reply_with

_KNOWN = ("saga_id", "step", "outcome", "reason", "steps", "answered", "replied")


@dataclass(slots=True)
class _Saga:
    """What is known of a saga; `replied` is None where it has no home yet."""

    outcomes: dict[str, StoredOutcome] = field(default_factory=dict)
    answered: set[UUID] = field(default_factory=set)
    replied: int | None = None


class Answers:
    """The answers that one batch of commands gives, as it goes on.

    Attributes:
        inserts: New documents, to be written first.
        updates: What is added to the homes of sagas, in this order.
    """

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._sagas: dict[UUID, _Saga] = {}
        self.inserts: list[dict[str, Any]] = []
        self.updates: list[UpdateOne] = []

    def load(self, saga_ids: Collection[UUID]) -> None:
        """Reads what was answered to sagas."""
        if not saga_ids:
            return
        self._sagas |= {saga_id: _Saga() for saga_id in saga_ids}
        wanted = {"saga_id": {"$in": list(saga_ids)}}
        for found in self._collection.find(wanted, {"_id": False, **dict.fromkeys(_KNOWN, True)}):
            saga = self._sagas[found["saga_id"]]
            # A document that was written before there were homes holds one step.
            for each in found.get("steps", [found] if "step" in found else []):
                saga.outcomes[each["step"]] = StoredOutcome(each["step"], each["outcome"], each["reason"])
            saga.answered |= set(found.get("answered", ()))
            saga.replied = found.get("replied", saga.replied)

    def forget(self) -> None:
        """Drops what is not written, and what is known: it will be read again."""
        self._sagas.clear()
        self.inserts, self.updates = [], []

    def written(self) -> None:
        """Notes that everything is written."""
        self.inserts, self.updates = [], []

    def answer(self, tx: MongoTransaction, command: Command, handler: CommandHandler) -> None:
        """Applies a command once per (saga, step) and replies to each attempt, by the rules of `saga.participant`."""
        if command.saga_id not in self._sagas:
            self.load([command.saga_id])
        saga = self._sagas[command.saga_id]
        if tx.message_id in saga.answered:
            return
        steps: list[dict[str, Any]] = []
        outcome = saga.outcomes.get(command.step)
        if outcome is None:
            outcome = decide(tx, command, handler, saga.outcomes)
            if outcome.outcome == "done" or not command.is_compensation():  # undoing is tried until it succeeds
                saga.outcomes[command.step] = outcome
                steps = [{"step": outcome.step, "outcome": outcome.outcome, "reason": outcome.reason}]
        tx.reply(reply_with(command, outcome), to=command.reply_to)
        self._write(tx, command.saga_id, saga, steps)
        saga.answered.add(tx.message_id)

    def _write(self, tx: MongoTransaction, saga_id: UUID, saga: _Saga, steps: list[dict[str, Any]]) -> None:
        if saga.replied is None:
            home = tx.document(saga_id=saga_id, steps=steps, answered=[tx.message_id], replied=1)
            self.inserts += [home] if home is not None else []
            saga.replied = 1
            return
        effect = tx.document(tx.messages[:-1])
        self.inserts += [effect] if effect is not None else []
        reply = tx.messages[-1:]
        self.updates.append(
            UpdateOne(
                {"saga_id": saga_id, "replied": saga.replied, "answered": {"$ne": tx.message_id}},
                {
                    "$push": {
                        "outbox": {"$each": outbox.rows(reply, saga.replied)},
                        "steps": {"$each": steps},
                        "answered": tx.message_id,
                    },
                    "$set": {"outbox_since": reply[0].created_at, "outbox_partition": reply[0].partition},
                    "$inc": {"replied": 1},
                },
            )
        )
        saga.replied += 1
