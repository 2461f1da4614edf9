"""The database of a service in PostgreSQL, while it is made whole again."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, LiteralString
from uuid import UUID

from infirmary.identifiers import new_id
from infirmary.postgres.database import connect
from infirmary.postgres.positions import PostgresPositions
from infirmary.postgres.restoring import outbox, places
from infirmary.postgres.restoring.batch import RestoringBatch
from infirmary.postgres.restoring.sagas import let_wait
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.transaction import Query, transaction
from infirmary.restoring.database import CannotRestore, Found, Mark, Place
from infirmary.restoring.declaration import Restoring
from infirmary.restoring.numbers import Numbers, ended_in
from infirmary.restoring.readers import become_only_reader
from infirmary.restoring.told import Told
from infirmary.restoring.treatment import OF_AN_UNKNOWN_SAGA
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of

_LOCK: Final[LiteralString] = "SELECT pg_try_advisory_lock(hashtextextended('infirmary:restore', 0))"

_MARK: Final[LiteralString] = """
SELECT set_back_since AS since, coalesce(set_back_because, '') AS because,
       extract(epoch FROM clock_timestamp() - set_back_since)::float8 AS age_s
FROM incarnation WHERE set_back_since IS NOT NULL
"""

_SET_MARK: Final[LiteralString] = """
INSERT INTO incarnation (set_back_since, set_back_because) VALUES (clock_timestamp(), %(because)s)
ON CONFLICT (one) DO UPDATE SET set_back_since = excluded.set_back_since, set_back_because = excluded.set_back_because
WHERE incarnation.set_back_since IS NULL
"""

_ANOTHER_LIFE: Final[LiteralString] = """
UPDATE incarnation SET id = %(id)s, set_back_since = NULL, set_back_because = NULL, restored_at = clock_timestamp()
"""


class PostgresRestored:
    """Works on one connection, whose locks keep consumers and other restores away."""

    def __init__(
        self,
        service: str,
        settings: Settings,
        restoring: Restoring,
        reads: Collection[str],
        orchestrator: Orchestrator | None = None,
    ) -> None:
        """Connects.

        Args:
            service: Whose database it is.
            settings: Where it is.
            restoring: What makes the service's state again.
            reads: The logs that the service's consumer reads.
            orchestrator: What knows the service's own sagas; None where it has none.

        Raises:
            psycopg.OperationalError: The database does not answer.
        """
        self._service, self._restoring, self._reads, self._orchestrator = service, restoring, reads, orchestrator
        self._options = settings.write_options()
        self._connection = connect(settings, f"{service}/restore")
        self._query = Query(self._connection)
        self._positions = PostgresPositions(self._connection)
        self._looked: dict[str, int] = {}

    def mark(self) -> Mark | None:
        """Returns how the database is marked; None when nobody has found that it was set back."""
        return self._query.one(Mark, _MARK)

    def mark_set_back(self, because: str) -> None:
        """Marks the database as set back, for all who work with it; one that is marked stays as it is."""
        self._query.execute(_SET_MARK, because=because)

    def begin(self) -> None:
        """Becomes the one restore of this database, and the one reader of all that the service reads.

        Raises:
            CannotRestore: There is another one, or a consumer still applies messages.
        """
        if not self._query.value(_LOCK):
            raise CannotRestore(f"another restore of {self._service} is under way")
        become_only_reader(self._positions, self._service, self._reads)

    def places(self) -> Mapping[str, Place]:
        """Returns how far logs have been gone through, by this restore or by one that was stopped."""
        return places.places(self._query)

    def look(self, told: Sequence[Told]) -> Found:
        """Finds out which messages were said after the backup, and changes nothing."""
        numbers = self._numbers(self._query, told, self._looked)
        since = [each for each in told if numbers.was_said_since(each)]
        self._looked |= numbers.taken_on
        return _found(since, numbers)

    def take_on(self, log: str, told: Sequence[Told], place: Place, left_out: Collection[UUID]) -> Found:
        """Makes again what messages tell of, in one transaction with the place behind them.

        Raises:
            CannotRestore: A function of the service fails; nothing of these messages is kept.
        """
        cause = causation_of(None, None, None)
        with transaction(self._connection, self._service, cause, False, self._options) as tx:
            numbers = self._numbers(tx, told, {})
            since = [each for each in told if numbers.was_said_since(each)]
            outbox.take_on(tx, numbers.taken_on, numbers.again, [each.message.message_id for each in told])
            outbox.note_ends(tx, log, ended_in(since, numbers.taken_on))
            unknown = RestoringBatch(tx, self._restoring, self._orchestrator, left_out).take_on(since)
            found = _found(since, numbers, unknown)
            so_far = Found()
            so_far.add(place.found)
            so_far.add(found)
            places.move(tx, log, place.next_offset or 0, so_far)
        return found

    def finish(self) -> None:
        """Gives the rows that need it another number, begins another life of the database and clears the mark."""
        with transaction(self._connection, self._service, causation_of(None, None, None), False, self._options) as tx:
            outbox.number_again(tx)
            let_wait(tx)
            tx.execute(_ANOTHER_LIFE, id=new_id())
            places.forget(tx)
        self._connection.execute("NOTIFY outbox")

    def close(self) -> None:
        """Ends the connection, and with it all locks."""
        self._connection.close()

    def _numbers(self, query: Query, told: Sequence[Told], looked: Mapping[str, int]) -> Numbers:
        last = outbox.last_given_out(query, {each.counted_as for each in told})
        waiting = outbox.unsent(query, {each.message.subject for each in told})
        return Numbers({**last, **looked}, [row for row in waiting if row.counted_as not in looked])


def _found(since: Sequence[Told], numbers: Numbers, unknown: Sequence[Told] = ()) -> Found:
    kinds: dict[str, int] = {}
    for told in since:
        kind = told.message.type + (OF_AN_UNKNOWN_SAGA if told in unknown else "")
        kinds[kind] = kinds.get(kind, 0) + 1
    return Found(kinds, numbers.missing, len(numbers.again))
