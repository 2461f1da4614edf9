"""What sagas were answered after the backup, as the log of replies tells it."""

import struct
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from infirmary.messages import Reply
from infirmary.mongo.storage import MongoCollection
from infirmary.restoring.told import Told
from infirmary.transport.body import read_body

_SEQUENCE = struct.Struct(">q")


def keep_answer(documents: MongoCollection, told: Told) -> None:
    """Keeps what a saga was answered, with its number, so that every later attempt gets the same.

    A step that was done is so by the event that tells what it has changed, and whose document is there. Where the log
    has the answer and not that event, or where nothing was told, only the number is kept: the command is still to be
    answered, and `infirmary.mongo.writes` does so when it is read again.
    """
    reply = read_body(Reply, told.message.body)
    _give_way(documents, told)
    outcome = reply.outcome if _is_told(documents, reply, told.causation_id) else None
    answer = {"saga_id": reply.saga_id, "number": told.sequence, "step": reply.step, "outcome": outcome}
    documents.update_one(
        {"_id": told.causation_id}, {"$set": {"saga_answer": answer | {"reason": reply.reason}}}, upsert=True
    )


def squatters(documents: MongoCollection, replies: Iterable[Told]) -> set[UUID]:
    """Returns the documents of answers that were given after the backup was put back, with numbers of the log's."""
    return {each["_id"] for told in replies for each in _squatters(_answers_from(documents, told), told)}


def _is_told(documents: MongoCollection, reply: Reply, cause: UUID | None) -> bool:
    """Says whether the database has what makes an answer true."""
    if reply.outcome == "refused":
        return True
    document = documents.find_one({"_id": cause}, {"saga_answer": True})
    if document is not None and document.get("saga_answer", {"outcome": "done"})["outcome"] == "done":
        return True
    same = {"saga_answer.saga_id": reply.saga_id, "saga_answer.step": reply.step, "saga_answer.outcome": "done"}
    return documents.find_one(same, {"_id": True}) is not None


def _answers_from(documents: MongoCollection, told: Told) -> list[dict[str, Any]]:
    """Returns what the saga of a reply was answered from its number on, in the order of the numbers."""
    wanted = {"saga_answer.saga_id": UUID(told.message.subject), "saga_answer.number": {"$gte": told.sequence}}
    return list(documents.find(wanted).sort("saga_answer.number", 1))


def _squatters(found: list[dict[str, Any]], told: Told) -> list[dict[str, Any]]:
    """Returns those that have to give way: all, if it is another's number, since they stay in their order."""
    others = [each for each in found if each["_id"] != told.causation_id]
    return others if others and others[0]["saga_answer"]["number"] == told.sequence else []


def _give_way(documents: MongoCollection, told: Told) -> None:
    """Gives the answers that have numbers of the log's, and wait, those behind the last."""
    found = _answers_from(documents, told)
    behind = found[-1]["saga_answer"]["number"] + 1 if found else 0
    for number, squatter in enumerate(_squatters(found, told), behind):
        changed: dict[str, Any] = {"saga_answer.number": number}
        for place, row in enumerate(squatter.get("outbox", ())):
            if row["type"] == Reply.__name__:
                header = row["header"][: -_SEQUENCE.size] + _SEQUENCE.pack(number)
                changed |= {f"outbox.{place}.sequence": number, f"outbox.{place}.header": header}
        documents.update_one({"_id": squatter["_id"]}, {"$set": changed})
