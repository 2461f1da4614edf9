"""Which messages a database has written, and the mark that it was set back, in MongoDB.

A document is not counted anywhere: what tells that a message was written is the document that it stood in, whose `_id`
is the message's causation id.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.write_concern import WriteConcern

from infirmary_relay.broker.targets import counted_as
from infirmary_relay.set_back.comparison import Known
from infirmary_relay.set_back.told import Told
from infirmary_relay.sources.mongo_lease import Documents
from infirmary_relay.sources.mongo_session import lost_as_source_lost
from infirmary_streams.sections import STATE_PROPERTY

_KEY = {"_id": "incarnation"}
_log = logging.getLogger(__name__)


def incarnation_of(database: Database[dict[str, Any]], documents: Documents) -> "MongoIncarnation | None":
    """The document `incarnation`; None where there is none."""
    own = database.get_collection("database_identity", write_concern=WriteConcern("majority"))
    return MongoIncarnation(own, documents) if own.find_one(_KEY) is not None else None


class MongoIncarnation:
    """The document, and those that tell what was written; see Incarnation for what its methods promise."""

    def __init__(self, own: Documents, documents: Documents) -> None:
        self._own, self._documents = own, documents

    def set_back_because(self) -> str | None:
        """In what it was seen that the database was set back, if it is marked so."""
        with lost_as_source_lost():
            found = self._own.find_one(_KEY) or {}
        return str(found.get("set_back_because") or "") if found.get("set_back_since") is not None else None

    def mark_set_back(self, because: str) -> None:
        """Marks the database as set back; whoever has emptied it has taken the document away."""
        mark = {"set_back_since": datetime.now(UTC), "set_back_because": because}
        anew = {"id": uuid4(), "restored_at": None}
        with lost_as_source_lost():
            try:
                self._own.update_one(_KEY | {"set_back_since": None}, {"$set": mark, "$setOnInsert": anew}, upsert=True)
            except DuplicateKeyError:
                pass  # it is marked, and stays as it is
            except OperationFailure as refused:
                _log.warning("that the database was set back cannot be marked in it: %s", refused)

    def known(self, told: Sequence[Told]) -> Known:
        """What the database has written, of the subjects of some messages."""
        causes = {each: _cause(each) for each in told}
        wanted = {"_id": {"$in": [cause for cause in set(causes.values()) if cause is not None]}}
        with lost_as_source_lost():
            there = {each["_id"]: each.get("outbox") for each in self._documents.find(wanted, {"outbox": True})}
        last: dict[str, int] = {}
        for each, cause in causes.items():
            if cause is None or cause in there:
                last[each.counted_as] = max(each.sequence, last.get(each.counted_as, 0))
        return Known(last, dict(_places(there.values())))


def _places(outboxes: Iterable[object]) -> Iterator[tuple[tuple[str, int], str]]:
    """What messages that wait are counted under and their sequences, each with its id; what is odd is passed over."""
    for entry in (entry for outbox in outboxes if isinstance(outbox, list) for entry in outbox):
        if isinstance(entry, dict) and isinstance(entry.get("sequence"), int) and not _tells_state_again(entry):
            counted = counted_as(str(entry.get("target")), str(entry.get("subject")))
            yield (counted, entry["sequence"]), str(entry.get("message_id"))


def _tells_state_again(entry: Mapping[str, Any]) -> bool:
    """Says whether a message has the number of another one, which it stands for."""
    return STATE_PROPERTY in bytes(entry.get("header") or b"")


def _cause(told: Told) -> UUID | None:
    """The `_id` of the document that a message stood in; None for one that tells none, which nobody can miss."""
    try:
        return UUID(told.causation_id or "")
    except ValueError:
        return None
