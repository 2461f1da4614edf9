"""A participant's side of a saga in MongoDB: each answer to a command is one document, in one write.

The document holds the effect, if there is one, what was answered, and the reply; its `_id` is that of the command. The
answers to a saga are numbered 1, 2, 3 ..., as its replies are, and an index lets each number be there once. So of two
readers that answer the same saga, each by what it knows, the later one finds that it was replaced.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from infirmary.handlers import CommandHandler
from infirmary.messages import COMPENSATION_SUFFIX, Command
from infirmary.mongo.storage import MongoCollection
from infirmary.mongo.transaction import MongoTransaction
from infirmary.saga.archived import SagaForgotten, is_forgotten
from infirmary.saga.participant import StoredOutcome, decide, reply_with

OLD_INDEX: Final = "step_of_saga"
"""A collection that has it may hold documents of the release that made one for each step of a saga."""


class Answer(NamedTuple):
    """A document to be written.

    Attributes:
        document: The answer.
        behind: How many answers to the same saga have to be written before.
    """

    document: dict[str, Any]
    behind: int


@dataclass(slots=True)
class _Saga:
    """What is known of a saga.

    Attributes:
        outcomes: What was answered to its steps.
        answered: The commands answered.
        number: How many answers it has got that are numbered.
        unwritten: How many of them are not written yet.
    """

    outcomes: dict[str, StoredOutcome] = field(default_factory=dict)
    answered: set[UUID] = field(default_factory=set)
    number: int = 0
    unwritten: int = 0


class Answers:
    """The answers that one batch of commands gives, as it goes on."""

    def __init__(self, collection: MongoCollection, *, some_are_old: bool) -> None:
        """Prepares them.

        Args:
            collection: Where they are.
            some_are_old: Whether there may be documents of the release before.
        """
        self._collection, self._some_are_old = collection, some_are_old
        self._sagas: dict[UUID, _Saga] = {}

    def load(self, saga_ids: Collection[UUID]) -> None:
        """Reads what was answered to sagas."""
        if not saga_ids:
            return
        self._sagas |= {saga_id: _Saga() for saga_id in saga_ids}
        if self._some_are_old:
            self._load_old(saga_ids)
        for found in self._collection.find({"saga_answer.saga_id": {"$in": list(saga_ids)}}, {"saga_answer": True}):
            answer = found["saga_answer"]
            saga = self._sagas[answer["saga_id"]]
            saga.number = max(saga.number, answer["number"])
            if answer["outcome"] is not None:  # of others a restore has found only the number
                _note(saga, StoredOutcome(answer["step"], answer["outcome"], answer["reason"]))
                saga.answered.add(found["_id"])

    def forget(self) -> None:
        """Drops what is known: it will be read again."""
        self._sagas.clear()

    def written(self) -> None:
        """Notes that all answers given so far are written."""
        for saga in self._sagas.values():
            saga.unwritten = 0

    def answer(self, tx: MongoTransaction, command: Command, handler: CommandHandler) -> Answer | None:
        """Applies a command once per (saga, step) and replies to each attempt, by the rules of `saga.participant`.

        Returns:
            What is to be written; None if this very message was answered before.

        Raises:
            SagaForgotten: The saga is so old that what was answered to it may have been forgotten.
        """
        if command.saga_id not in self._sagas:
            self.load([command.saga_id])
        saga = self._sagas[command.saga_id]
        if tx.message_id in saga.answered:
            return None
        outcome = saga.outcomes.get(command.step)
        if outcome is None and is_forgotten(command.saga_id, tx.options.saga_kept_days):
            raise SagaForgotten(command.saga_id, command.step, tx.options.saga_kept_days)
        outcome = outcome or decide(tx, command, handler, saga.outcomes)
        tx.reply(reply_with(command, outcome), to=command.reply_to)
        told = {"step": outcome.step, "outcome": outcome.outcome, "reason": outcome.reason}
        answered = {"saga_id": command.saga_id, "number": saga.number + 1, **told}
        document = tx.document({tx.messages[-1].counted_as: saga.number}, saga_answer=answered)
        given = Answer(document, saga.unwritten)
        _note(saga, outcome)
        saga.answered.add(tx.message_id)
        saga.number += 1
        saga.unwritten += 1
        return given

    def _load_old(self, saga_ids: Collection[UUID]) -> None:
        """Reads documents with `saga_id`, `step` and the ids of the messages answered; their replies had no number."""
        for found in self._collection.find({"saga_id": {"$in": list(saga_ids)}}):
            saga = self._sagas[found["saga_id"]]
            _note(saga, StoredOutcome(found["step"], found["outcome"], found["reason"]))
            saga.answered |= set(found["answered"])


def _note(saga: _Saga, outcome: StoredOutcome) -> None:
    """Remembers an outcome, but for a compensation that was refused: undoing is tried until it succeeds."""
    if outcome.outcome == "done" or not outcome.step.endswith(COMPENSATION_SUFFIX):
        saga.outcomes[outcome.step] = outcome
