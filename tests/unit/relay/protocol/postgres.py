"""A model of PostgreSQL, as far as a relay sees it: advisory locks of sessions, the outbox, the relays' heartbeats."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any
from uuid import UUID

from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_session import _NEEDED
from tests.unit.relay.protocol.rows import BODY, header_of
from tests.unit.relay.protocol.session import Answer, Session
from tests.unit.relay.protocol.violations import require

_FETCHES = {
    statements.fetch(deleting=deleting, sharing=sharing, without_subjects=subjects, without_targets=targets): (
        deleting,
        sharing,
        subjects,
        targets,
    )
    for deleting, sharing, subjects, targets in product((False, True), repeat=4)
}
_UNLOCK_ALL = "SELECT pg_advisory_unlock_all()"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the outbox."""

    id: int
    subject: str
    sequence: int
    target: str
    partition: int

    @property
    def message_id(self) -> bytes:
        """What the message is known by in the log."""
        return self.id.to_bytes(16, "big")

    @property
    def header(self) -> bytes:
        """What stands before its body."""
        return header_of(self.message_id, self.subject, self.sequence)


@dataclass(eq=False)
class Writer:
    """An open transaction: it has ids and holds the lock of its subject, and its rows appear when it commits."""

    name: str
    rows: list[Stored] = field(default_factory=list)


class Database:
    """One service's database."""

    def __init__(self, clock: Callable[[], float], on_end: Callable[[Session], None]) -> None:
        """Prepares an empty database.

        Args:
            clock: The database's time.
            on_end: Is told of each session that ends, before its locks are free.
        """
        self.rows: dict[int, Stored] = {}
        self.writers: dict[str, Writer] = {}
        self.given: dict[str, int] = {}
        self.sessions: dict[int, Session] = {}
        self.holders: dict[int, Session] = {}
        """Who holds the advisory lock of a partition."""
        self.in_log: Callable[[bytes], bool] = lambda _: False
        self._clock, self._on_end = clock, on_end
        self._beats: dict[UUID, tuple[int, float]] = {}
        self._pids, self._ids, self._transactions = count(100), count(1), count(1)
        self._answers: dict[str, Callable[[Session, Mapping[str, Any]], Answer]] = {
            statements.COLUMNS: self._columns,
            statements.IDENTITY: lambda session, _: [(16384, session.pid)],
            statements.LOGS: lambda _session, _: [],
            statements.TELLS_INCARNATION: lambda _session, _: [(False,)],
            statements.DATABASE_IDENTITY: lambda _session, _: [("7.16384",)],
            statements.PRESENT: lambda _, asked: [(each,) for each in asked["ids"] if each in self.rows],
            statements.END_OWN_PREDECESSORS: self._end_predecessors,
            statements.HEARTBEAT: self._heartbeat,
            statements.TERMINATE: self._terminate,
            statements.DEREGISTER: lambda _, asked: self._deregister(asked["relay_id"]),
            statements.TAKE: self._take,
            statements.UNLOCK: lambda session, asked: self._unlock(session, asked["partitions"]),
            _UNLOCK_ALL: lambda session, _: self._unlock(session, self._held_by(session)),
            statements.WRITERS: lambda _session, _: [(name,) for name in self.writers],
            statements.DELETE: lambda _, asked: self._delete(asked["confirmed"]),
        }

    def connect(self, name: str, pause: Callable[[], None]) -> Session:
        """Opens a session."""
        session = Session(self, next(self._pids), name, pause)
        self.sessions[session.pid] = session
        return session

    def end(self, session: Session) -> None:
        """Ends a session, whoever wants it: its locks are free."""
        if session.lives:
            self._on_end(session)
            session.lives = False
            del self.sessions[session.pid]
            self.holders = {partition: holder for partition, holder in self.holders.items() if holder is not session}

    def begin(self) -> Writer:
        """Begins a transaction."""
        writer = Writer(f"3/{next(self._transactions)}")
        self.writers[writer.name] = writer
        return writer

    def insert(self, writer: Writer, subject: str, target: str, partition: int) -> None:
        """Writes a message; the caller sees to it that no other open transaction has written one of this subject."""
        pending = sum(row.subject == subject for row in writer.rows)
        sequence = self.given.get(subject, 0) + pending + 1
        writer.rows.append(Stored(next(self._ids), subject, sequence, target, partition))

    def finish(self, writer: Writer, *, commits: bool) -> None:
        """Commits or rolls back."""
        del self.writers[writer.name]
        if commits:
            for row in writer.rows:
                self.rows[row.id] = row
                self.given[row.subject] = row.sequence

    def has_any_above(self, floor: int) -> bool:
        """Whether there is a row with a higher id."""
        return any(row > floor for row in self.rows)

    def answer(self, session: Session, statement: str, asked: Mapping[str, Any]) -> Answer:
        """Does what a statement says."""
        if statement in _FETCHES:
            return self._fetch(session, asked, *_FETCHES[statement])
        return self._answers[statement](session, asked)

    def _fetch(
        self, session: Session, asked: Mapping[str, Any], deleting: bool, sharing: bool, subjects: bool, targets: bool
    ) -> Answer:
        session.is_unseen = False
        in_flight = set(asked["in_flight"])
        found = [
            row
            for row in sorted(self.rows.values(), key=lambda row: row.id)
            if row.id > asked["floor"]
            and row.id not in in_flight
            and not (sharing and row.partition not in asked["partitions"])
            and not (subjects and row.subject in asked["subjects"])
            and not (targets and row.target in asked["targets"])
        ][: asked["rows"]]
        for row in found:
            holder = self.holders.get(row.partition, session)
            require(holder.name.split()[-1] == session.name.split()[-1], "two relays send for one partition")
        if deleting:
            self._delete(asked["confirmed"])
        session.in_hand = in_flight | {row.id for row in found}
        return [(row.id, row.target, row.subject, row.message_id, row.header, BODY, 0.0, None) for row in found]

    def _delete(self, ids: Iterator[int]) -> Answer:
        for each in ids:
            row = self.rows.pop(each, None)
            require(row is None or self.in_log(row.message_id), f"row {each} was deleted and is not in the log")
        return []

    def _columns(self, _session: Session, _asked: Mapping[str, Any]) -> Answer:
        return [(column, table) for table, columns in _NEEDED.items() for column in columns]

    def _end_predecessors(self, session: Session, asked: Mapping[str, Any]) -> Answer:
        for other in list(self.sessions.values()):
            if other is not session and other.name == asked["name"] + str(asked["relay_id"]):
                self.end(other)
        return []

    def _heartbeat(self, _session: Session, asked: Mapping[str, Any]) -> Answer:
        own, now = asked["relay_id"], self._clock()
        others = [
            (str(relay_id), seen_at > now - asked["silent_s"], self._backend(pid, asked["name"], relay_id) is not None)
            for relay_id, (pid, seen_at) in self._beats.items()
            if relay_id != own
        ]
        self._beats[own] = asked["backend_pid"], now
        return others

    def _terminate(self, _session: Session, asked: Mapping[str, Any]) -> Answer:
        pid, _ = self._beats.pop(asked["relay_id"], (0, 0.0))
        silent = self._backend(pid, asked["name"], asked["relay_id"])
        if silent is not None:
            self.end(silent)
        return []

    def _deregister(self, relay_id: UUID) -> Answer:
        self._beats.pop(relay_id, None)
        return []

    def _backend(self, pid: int, name: str, relay_id: UUID) -> Session | None:
        session = self.sessions.get(pid)
        return session if session is not None and session.name == name + str(relay_id) else None

    def _take(self, session: Session, asked: Mapping[str, Any]) -> Answer:
        taken = [partition for partition in asked["partitions"] if partition not in self.holders]
        require(
            session not in map(self.holders.get, asked["partitions"]), "a lock is taken twice, and never free again"
        )
        self.holders |= dict.fromkeys(taken, session)
        return [(partition,) for partition in taken]

    def _held_by(self, session: Session) -> list[int]:
        return [partition for partition, holder in self.holders.items() if holder is session]

    def _unlock(self, session: Session, partitions: list[int]) -> Answer:
        for partition in partitions:
            require(self.holders.get(partition) is session, f"partition {partition} is let go by one that has it not")
            del self.holders[partition]
        return [(True,) for _ in partitions]
