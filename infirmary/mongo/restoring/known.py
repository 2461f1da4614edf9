"""Tells what was said after a backup by the documents that there are. Pure, but for reading them.

A document's `_id` is the id of the message that caused it, which each message in the log names. So what names a cause
of which there is no document was said after the backup. So was what has a double in the outbox: the consumer has read
the cause a second time, before anybody saw that the database was set back, and has written another message about it
that waits. The log's stays, and the double is never sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from infirmary.mongo.storage import MongoCollection
from infirmary.restoring.told import Told
from infirmary.saga.archived import is_forgotten
from infirmary.transport.log_names import parsed
from infirmary.transport.state_messages import LAST_WORD

MADE_FROM: Final = "made_from"
"""The field with the events that a document was made again from: a cause may have told several."""


@dataclass(frozen=True, slots=True)
class Known:
    """The documents that some messages of the log stood in, as far as they are there.

    Attributes:
        documents: By their cause, what is asked of them: `outbox`, `saga_answer` and `made_from`.
        saga_kept_days: After so many days an answer may have been forgotten.
    """

    documents: Mapping[UUID, Mapping[str, Any]]
    saga_kept_days: float

    def was_said_since(self, told: Told) -> bool:
        """Says whether the database does not know of a message."""
        if told.causation_id is None or told.is_of_access or told.message.type == LAST_WORD:
            return False  # nothing that anybody can make again
        document = self.documents.get(told.causation_id)
        if told.is_reply:  # what an event of the same cause made says nothing of the reply
            is_kept = "saga_answer" in (document or {})
            return bool(self.doubles(told)) if is_kept else not _is_old(told, self.saga_kept_days)
        if document is None:
            return True
        made_from = document.get(MADE_FROM)
        return bool(self.doubles(told)) or (made_from is not None and told.message.message_id not in made_from)

    def doubles(self, told: Told) -> list[UUID]:
        """Returns the messages that wait in the outbox and that the same cause made a second time.

        An answer that a restore has left to be given anew is none: the log's stays beside it.
        """
        document = (self.documents.get(told.causation_id) if told.causation_id is not None else None) or {}
        if told.is_reply and told.sequence <= document.get("saga_answer", {}).get("instead_of", 0):
            return []
        waiting = document.get("outbox", ())
        return [each["message_id"] for each in waiting if _is_double(each, told)]


def known_of(documents: MongoCollection, told: Iterable[Told], saga_kept_days: float) -> Known:
    """Reads what is known of some messages' causes."""
    causes = {each.causation_id for each in told if each.causation_id is not None}
    found = documents.find({"_id": {"$in": list(causes)}}, {"outbox": True, "saga_answer": True, MADE_FROM: True})
    return Known({each["_id"]: each for each in found}, saga_kept_days)


def kinds_of(since: Sequence[Told]) -> dict[str, int]:
    """Counts messages by their types."""
    kinds: dict[str, int] = {}
    for told in since:
        kinds[told.message.type] = kinds.get(told.message.type, 0) + 1
    return kinds


def _is_double(waiting: Mapping[str, Any], told: Told) -> bool:
    """Says whether a message that waits says the same as one in the log, under another id.

    A state that is told again stands beside it, too, and does not name the cause of what it repeats.
    """
    if waiting["message_id"] == told.message.message_id or waiting["type"] != told.message.type:
        return False
    names_cause = str(told.causation_id).encode() in (waiting["header"] or b"")
    same_place = told.is_reply or waiting["sequence"] == told.sequence
    return names_cause and same_place and parsed(waiting["target"]).log == parsed(told.log).log


def _is_old(told: Told, kept_days: float) -> bool:
    try:
        return is_forgotten(UUID(told.message.subject), kept_days)
    except ValueError:
        return False
