"""Who owns which partitions of an outbox in PostgreSQL.

A partition is a session advisory lock on the connection that fetches and deletes: when the connection ends, and only
then, the lock is free. What a lock cannot see is a holder that is frozen: its backend may wait in a write for ever. So
every relay shows itself in `outbox_relay`, and a peer ends the backend of one that was silent for too long.
"""

import logging
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Connection

from infirmary_relay import assignment
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.sources import postgres_statements as statements

_log = logging.getLogger(__name__)
_LARGEST_LOCK_KEY = 2**31
_CHANGE_OF_HANDS_S = 2 * assignment.SILENT_S
"""How long a partition may wait for its next owner: a frozen peer is noticed after SILENT_S, and terminated then."""

PostgresConnection: TypeAlias = Connection[tuple[Any, ...]]


class Ownership:
    """The partitions of one relay, on one connection."""

    def __init__(self, connection: PostgresConnection, relay_id: UUID, name: str) -> None:
        self._connection = connection
        self._relay_id = relay_id
        self._name = name
        (outbox, pid), *_ = connection.execute(statements.IDENTITY).fetchall()
        self.outbox_oid: int = outbox
        # After a network failure the server may not have noticed yet that our last connection is gone, with its locks.
        connection.execute(statements.END_OWN_PREDECESSORS, {"name": name, "relay_id": relay_id})
        self._lock_key = outbox % _LARGEST_LOCK_KEY
        self._backend_pid: int = pid
        self._releasing: dict[int, AbstractSet[int]] = {}
        self._next_heartbeat = 0.0
        self._missing_since: float | None = None
        self.last_error: Problem | None = None
        self.owned: frozenset[int] = frozenset()
        """What may be fetched; a partition that is being let go is held on to, but no longer fetched."""

    def heartbeat(self, now: float, in_flight: AbstractSet[int]) -> bool:
        """Shows itself when it is time, takes and lets go of partitions; True when some are new."""
        self._unlock(in_flight)
        if now < self._next_heartbeat:
            return False
        self._next_heartbeat = now + assignment.HEARTBEAT_S
        wanted = assignment.share(self._relay_id, self._others_alive())
        leaving = self.owned - wanted
        if leaving:
            self.owned -= leaving
            self._releasing |= dict.fromkeys(leaving, frozenset(in_flight))
            self._unlock(in_flight)
        returning = wanted & self._releasing.keys()
        for partition in returning:
            del self._releasing[partition]
        taken = returning | self._take(wanted - self.owned - returning)
        self.owned |= taken
        self._note_missing(len(wanted - self.owned), now)
        if taken or leaving:
            _log.info("now owns %d of %d partitions", len(self.owned), assignment.PARTITIONS)
        return bool(taken)

    def _note_missing(self, missing: int, now: float) -> None:
        """Notes that partitions stay another session's: a backend that hangs cannot be ended, and keeps its locks."""
        self._missing_since = (self._missing_since or now) if missing else None
        waited_s = now - self._missing_since if self._missing_since is not None else 0.0
        told = f"PostgreSQL: {missing} partitions that are this relay's have been another session's for too long"
        self.last_error = Problem(Reason.PARTITIONS_HELD, told) if waited_s > _CHANGE_OF_HANDS_S else None

    def release_all(self) -> None:
        """Lets everything go and tells the others."""
        self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.execute(statements.DEREGISTER, {"relay_id": self._relay_id})

    def _others_alive(self) -> list[UUID]:
        """Shows that this relay lives; gives the others that do, and ends the backend of one that is silent."""
        beat = {"relay_id": self._relay_id, "backend_pid": self._backend_pid}
        known = {"silent_s": assignment.SILENT_S, "name": self._name}
        alive = []
        for relay_id, fresh, lives in self._connection.execute(statements.HEARTBEAT, beat | known, prepare=True):
            if fresh and lives:
                alive.append(UUID(relay_id))
                continue
            if lives:
                _log.warning("relay %s was silent for %.0f s: ending its backend", relay_id, assignment.SILENT_S)
            self._connection.execute(statements.TERMINATE, {"relay_id": UUID(relay_id), "name": self._name})
        return alive

    def _take(self, missing: AbstractSet[int]) -> frozenset[int]:
        if not missing:
            return frozenset()
        asked = {"key": self._lock_key, "partitions": sorted(missing)}
        return frozenset(partition for (partition,) in self._connection.execute(statements.TAKE, asked))

    def _unlock(self, in_flight: AbstractSet[int]) -> None:
        """Unlocks the partitions of which nothing is in flight any more since they were given up."""
        settled = [partition for partition, ids in self._releasing.items() if ids.isdisjoint(in_flight)]
        if settled:
            self._connection.execute(statements.UNLOCK, {"key": self._lock_key, "partitions": settled}).fetchall()
            for partition in settled:
                del self._releasing[partition]
