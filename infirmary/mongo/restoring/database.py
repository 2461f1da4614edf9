"""The database of a service in MongoDB, while it is made whole again.

No transaction spans several documents, so each write may be done again without effect, and the place in the log is
moved last.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from pymongo import UpdateMany, UpdateOne

from infirmary.consumer.dispatch import work_on
from infirmary.consumer.store import ReaderReplaced
from infirmary.identifiers import new_id
from infirmary.mongo.documents import documents_of
from infirmary.mongo.erasing import forget
from infirmary.mongo.incarnation import COLLECTION, KEY, note_incarnation
from infirmary.mongo.positions import MongoPositions
from infirmary.mongo.restoring import places
from infirmary.mongo.restoring.answers import keep_answer, squatters
from infirmary.mongo.restoring.known import MADE_FROM, kinds_of, known_of
from infirmary.mongo.storage import connect, is_transient, now
from infirmary.mongo.transaction import MongoTransaction
from infirmary.restoring.database import CannotRestore, Found, Mark, Place
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.making import cannot_make, make_again
from infirmary.restoring.readers import become_only_reader
from infirmary.restoring.told import Told
from infirmary.settings import Settings


class MongoRestored:
    """Works as the one reader of all that the service reads, whose leases keep consumers and other restores away."""

    def __init__(self, service: str, settings: Settings, restoring: Restoring, reads: Collection[str]) -> None:
        """Connects.

        Args:
            service: Whose database it is.
            settings: Where it is.
            restoring: What makes the service's state again.
            reads: The logs that the service's consumer reads.

        Raises:
            pymongo.errors.PyMongoError: The database does not answer.
        """
        self._service, self._restoring, self._reads = service, restoring, reads
        self._options = settings.write_options()
        self._client = connect(settings, f"{service}/restore")
        self._database = self._client.get_default_database()
        self._documents = self._database[documents_of(service).collection]
        self._progress = self._database[places.PROGRESS]
        self._positions = MongoPositions(self._database, new_id())
        self._gave_way: set[UUID] = set()

    def mark(self) -> Mark | None:
        """Returns how the database is marked; None when nobody has found that it was set back."""
        found = self._database[COLLECTION].find_one(KEY) or {}
        since = found.get("set_back_since")
        if since is None:
            return None
        age_s = (now(self._database) - since).total_seconds()
        return Mark(since, str(found.get("set_back_because") or ""), age_s)

    def mark_set_back(self, because: str) -> None:
        """Marks the database as set back, for all who work with it; one that is marked stays as it is."""
        note_incarnation(self._database)  # whoever has emptied the database has taken it away
        mark = {"set_back_since": datetime.now(UTC), "set_back_because": because}
        self._database[COLLECTION].update_one(KEY | {"set_back_since": None}, {"$set": mark})

    def begin(self) -> None:
        """Becomes the one reader of all that the service reads, and so the one restore.

        Raises:
            CannotRestore: A consumer or another restore does not let the logs go.
        """
        become_only_reader(self._positions, self._service, self._reads)

    def places(self) -> Mapping[str, Place]:
        """Returns how far logs have been gone through, by this restore or by one that was stopped."""
        return places.places(self._progress)

    def look(self, told: Sequence[Told]) -> Found:
        """Finds out which messages were said after the backup, and changes nothing."""
        known = known_of(self._documents, told, self._options.saga_kept_days)
        return self._found([each for each in told if known.was_said_since(each)])

    def take_on(self, log: str, told: Sequence[Told], place: Place, left_out: Collection[UUID]) -> Found:
        """Makes again what messages tell of, and then moves the place behind them.

        Raises:
            CannotRestore: A function of the service fails, or somebody else has begun to read.
        """
        self._renew()
        known = known_of(self._documents, told, self._options.saga_kept_days)
        begun = places.under_way(self._progress, log)
        since = [each for each in told if each.message.message_id in begun or known.was_said_since(each)]
        found = self._found(since)
        if since:
            places.begin(self._progress, log, place.found, begun | {each.message.message_id for each in since})
            self._take_out([double for each in since for double in known.doubles(each)])
            for each in since:
                self._one(each, is_left_out=each.message.message_id in left_out)
        self._take_out([each.message.message_id for each in told])
        so_far = Found()
        so_far.add(place.found)
        so_far.add(found)
        left = begun - {each.message.message_id for each in told}
        places.move(self._progress, log, place.next_offset, so_far, left)
        return found

    def finish(self) -> None:
        """Begins another life of the database and clears the mark."""
        self._renew()
        places.forget(self._progress)  # first, lest a later restore go on from there
        unmarked = {"id": uuid4(), "set_back_since": None, "set_back_because": None, "restored_at": now(self._database)}
        self._database[COLLECTION].update_one(KEY, {"$set": unmarked}, upsert=True)

    def close(self) -> None:
        """Lets the logs go and disconnects."""
        try:
            self._positions.release()
        finally:
            self._client.close()

    def _found(self, since: Sequence[Told]) -> Found:
        more = squatters(self._documents, [each for each in since if each.is_reply]) - self._gave_way
        self._gave_way |= more
        return Found(kinds_of(since), [], len(more))

    def _one(self, told: Told, *, is_left_out: bool) -> None:
        try:
            if told.is_event and told.causation_id is not None:
                self._make_again(told, told.causation_id, is_left_out=is_left_out)
            elif told.is_reply and not is_left_out:
                keep_answer(self._documents, told)
        except Exception as error:
            if is_transient(error):
                raise
            raise cannot_make(told, error) from error

    def _make_again(self, told: Told, cause: UUID, *, is_left_out: bool) -> None:
        """Writes the document that an event tells of; of one that is left out or has no function, that it was told."""
        tx = MongoTransaction(self._service, cause, self._options)
        work_on(tx, told.message)
        if not is_left_out:
            make_again(self._restoring, told.message, tx)
        fields = tx.document()
        forget(self._database, tx.forgotten)
        changes = [UpdateMany(change.wanted, {"$set": change.fields}) for change in tx.changes]
        # A message may have told several events, whose one document is made from all of them.
        noted = {"$addToSet": {MADE_FROM: told.message.message_id}}
        made = UpdateOne({"_id": cause}, {"$set": fields, **noted}, upsert=True)
        self._documents.bulk_write([*changes, made])

    def _take_out(self, message_ids: Sequence[UUID]) -> None:
        """Takes messages out of the outbox; few documents have any, and an index finds them."""
        if not message_ids:
            return
        ids = list(message_ids)
        waiting = {"outbox_since": {"$exists": True}}
        taken = {"$pull": {"outbox": {"message_id": {"$in": ids}}}}
        self._documents.update_many(waiting | {"outbox.message_id": {"$in": ids}}, taken)
        self._documents.update_many(waiting | {"outbox": []}, {"$unset": {"outbox_since": ""}})

    def _renew(self) -> None:
        try:
            self._positions.renew()
        except ReaderReplaced as replaced:
            raise CannotRestore(
                f"a consumer or another restore of {self._service} has begun: {replaced}; stop it, and restore again"
            ) from replaced
