"""Answers a command whose document a restore has made: the log told what it changed, or only which number it got."""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import DuplicateKeyError

from infirmary.messages import Reply
from infirmary.mongo.storage import MongoCollection


def answered_anew(documents: MongoCollection, document: Mapping[str, Any]) -> bool:
    """Writes a command's answer into the document that is there, if that holds none; says whether it did.

    Where the log told what the command has changed, it is not changed and not told again: only the answer was lost.
    Where it told only the answer's number, all that the command causes is written, and answered with another number;
    that one is noted, as the log's answer stays beside it and was said by nobody else.

    Args:
        documents: The service's.
        document: The answer, with all that the command has caused now.
    """
    unanswered = {"_id": document["_id"], "saga_answer.outcome": None}
    found = documents.find_one(unanswered, {"saga_answer": True})
    if found is None:
        return False
    fields = {name: value for name, value in document.items() if name not in ("_id", "outbox")}
    rows = document["outbox"]
    if "saga_answer" not in found:
        rows = [row for row in rows if row["type"] == Reply.__name__]
        fields = {name: fields[name] for name in ("saga_answer", "outbox_partition", "outbox_since")}
    else:
        fields["saga_answer"] = {**fields["saga_answer"], "instead_of": found["saga_answer"]["number"]}
    try:
        written = documents.update_one(unanswered, {"$set": fields, "$push": {"outbox": {"$each": rows}}})
    except DuplicateKeyError:  # another reader has given the saga's answer of this number
        return False
    return written.matched_count == 1
