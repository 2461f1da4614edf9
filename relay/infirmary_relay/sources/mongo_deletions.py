"""Deletes what was confirmed from its documents, and remembers what the server refuses to have deleted.

What it refuses (by a validator, for want of a right) has been sent: it must be neither sent again nor in the way of
other documents.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, NotPrimaryError, OperationFailure

from infirmary_relay.message import Key
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.sources.mongo_entries import name_of, value_of
from infirmary_relay.sources.mongo_lease import Documents

MOST_REFUSED = 10_000
"""When more documents refuse, all will: each that is sent would only be one more that may be sent again one day."""
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 10.0
_SHOWN = 300
_NOT_PRIMARY = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})
"""The codes by which a server says that it is leaving or another one is to be asked."""
_log = logging.getLogger(__name__)


@dataclass
class _Refusal:
    text: str
    delay_s: float
    next_try: float


class Deletions:
    """What was confirmed and is not deleted yet; times are seconds of one monotonic clock."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._waiting: dict[Key, list[UUID]] = {}
        self._refused: dict[Key, _Refusal] = {}

    def add(self, document: Key, message_ids: Iterable[UUID]) -> None:
        """Notes what is to be deleted; without messages it is the mark of a document that has none."""
        self._waiting.setdefault(document, []).extend(message_ids)

    def items(self) -> Iterable[tuple[Key, list[UUID]]]:
        """The documents and which of their messages are to be deleted."""
        return self._waiting.items()

    def refuses(self, document: Key) -> bool:
        """Whether the server refused the last time to delete a document's messages."""
        return document in self._refused

    @property
    def are_too_many_refused(self) -> bool:
        """Whether nothing more may be sent, because nothing that was sent is deleted."""
        return len(self._refused) > MOST_REFUSED

    @property
    def last_error(self) -> Problem | None:
        """Says which document's messages cannot be deleted, and the server's reason."""
        if not self._refused:
            return None
        document, refusal = next(iter(self._refused.items()))
        still = "; nothing more is sent until they can" if self.are_too_many_refused else ""
        more = f" (and those of {len(self._refused) - 1} more documents)" if len(self._refused) > 1 else ""
        name = name_of(value_of(document))
        text = f"{name}: its messages were sent and cannot be deleted{more}{still}: {refusal.text}"
        return Problem(Reason.UNDELETABLE, text)

    def flush(self, now: float) -> list[tuple[Key, list[UUID]]]:
        """Deletes what is due, and gives what has been deleted.

        Raises:
            PyMongoError: the server was lost or is none to write to.
        """
        due = (
            [document for document in self._waiting if self._is_due(document, now)] if self._refused else self._waiting
        )
        asked = list(due)
        if not asked:
            return []
        were_none_refused = not self._refused
        refused = self._write([UpdateOne({"_id": value_of(each)}, _without(self._waiting[each])) for each in asked])
        for at, text in refused.items():
            self._refuse(asked[at], text, now)
        if were_none_refused and self.last_error is not None:
            _log.warning("%s", self.last_error.text)
        done = [document for at, document in enumerate(asked) if at not in refused]
        for document in done:
            self._refused.pop(document, None)
        return [(document, self._waiting.pop(document)) for document in done]

    def _is_due(self, document: Key, now: float) -> bool:
        refusal = self._refused.get(document)
        return refusal is None or refusal.next_try <= now

    def _refuse(self, document: Key, text: str, now: float) -> None:
        before = self._refused.get(document)
        delay_s = _FIRST_DELAY_S if before is None else min(2 * before.delay_s, _LONGEST_DELAY_S)
        self._refused[document] = _Refusal(text[:_SHOWN], delay_s, now + delay_s)

    def _write(self, writes: list[UpdateOne]) -> dict[int, str]:
        """Which of the writes the server refused, and why."""
        try:
            self._documents.bulk_write(writes, ordered=False)
        except BulkWriteError as partly:
            return dict(_refusals(partly))
        except NotPrimaryError:
            raise
        except OperationFailure as refused:
            if refused.code in _NOT_PRIMARY:
                raise
            return dict.fromkeys(range(len(writes)), str(refused))
        return {}


def _refusals(partly: BulkWriteError) -> Iterator[tuple[int, str]]:
    details = cast("Mapping[str, Any]", partly.details)
    errors = details.get("writeErrors") or []
    if details.get("writeConcernErrors") or any(error.get("code") in _NOT_PRIMARY for error in errors):
        raise partly
    for error in errors:
        yield error["index"], str(error.get("errmsg"))


def _without(message_ids: list[UUID]) -> list[dict[str, Any]]:
    """The update that deletes messages, and the mark of a document left without any.

    One update by `_id`, which every server finds at once: a second one, for what is left empty, costs as much again, or
    a look at every document.
    """
    others = {"$filter": {"input": "$outbox", "cond": {"$not": [{"$in": ["$$this.message_id", message_ids]}]}}}
    since = {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", "$outbox_since"]}
    return [{"$set": {"outbox": others}}, {"$set": {"outbox_since": since}}]
