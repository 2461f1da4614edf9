"""Forgets what sagas were answered that nobody asks for any more, when they are older than answers are kept.

A document with an effect stays, as the record of the service, without the answer. One that has nothing but the answer,
as that to a second attempt or to a refused step, goes.
"""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from pymongo import DeleteMany, UpdateMany

from infirmary.identifiers import least_id_of
from infirmary.mongo.storage import MongoCollection

_DAY_S: Final = 86_400.0
_ANSWERS_AT_ONCE: Final = 500
_OF_THE_LIBRARY: Final = frozenset({"_id", "saga_answer", "made_from", "outbox", "outbox_partition", "outbox_since"})
_ID: Final = "saga_answer.saga_id"


class OldAnswers:
    """The answers of one service that are to be forgotten.

    Attributes:
        table: The collection.
    """

    def __init__(self, documents: MongoCollection, kept_days: float, clock: Callable[[], float] = time.time) -> None:
        """Prepares a pass.

        Args:
            documents: Those of the service.
            kept_days: How old the sagas are to be.
            clock: Unix time.
        """
        self._documents, self.table = documents, documents.name
        self._kept_s, self._clock = kept_days * _DAY_S, clock
        self._after = UUID(int=0)  # an id that tells no time is passed, and not looked at again and again

    def some(self) -> bool:
        """Forgets some; says whether there may be more."""
        until = least_id_of(self._clock() - self._kept_s)
        # What the relay has not sent yet is left for another time.
        old = {_ID: {"$gt": self._after, "$lt": until}, "outbox_since": {"$exists": False}}
        found = list(self._documents.find(old).sort(_ID, 1).limit(_ANSWERS_AT_ONCE))
        forgotten = [each for each in found if each["saga_answer"]["saga_id"].version == 7]
        mere = [each["_id"] for each in forgotten if _OF_THE_LIBRARY.issuperset(each)]
        others = [each["_id"] for each in forgotten if not _OF_THE_LIBRARY.issuperset(each)]
        if found:
            self._documents.bulk_write(
                [
                    DeleteMany({"_id": {"$in": mere}}),
                    UpdateMany({"_id": {"$in": others}}, {"$unset": {"saga_answer": ""}}),
                ],
                ordered=False,
            )
            # A saga that is cut in two here is finished the next time.
            self._after = found[-1]["saga_answer"]["saga_id"]
        return len(found) == _ANSWERS_AT_ONCE
