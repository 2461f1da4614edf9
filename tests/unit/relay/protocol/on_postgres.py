"""The protocol on PostgreSQL: open transactions, sessions that end, and writers that nudge after their commit."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from infirmary_relay.sources import postgres
from infirmary_relay.sources.postgres import PostgresSource
from infirmary_relay.sources.source import Source
from tests.unit.relay.protocol.machine import Protocol, some
from tests.unit.relay.protocol.postgres import Database, Writer
from tests.unit.relay.protocol.session import Session
from tests.unit.relay.protocol.steps import BATCH_ROWS, LOG, SERVICE, Process
from tests.unit.relay.protocol.world import SUBJECTS


class PostgresProtocol(Protocol):
    """Locks of sessions say which partition is whose."""

    source: type[PostgresSource] = PostgresSource

    def __init__(self) -> None:
        super().__init__()
        self.database = Database(lambda: self.now, self._session_ends)
        self.database.in_log = self.in_log
        self.put(postgres, "time", self.time)
        self.put(postgres, "connect", lambda _url, name, _ca_file=None: self._connect(name))

    # What happens

    @rule(subject=st.sampled_from(sorted(SUBJECTS)), count=st.integers(1, 3), nudges=st.booleans())
    def somebody_writes(self, subject: str, count: int, nudges: bool) -> None:
        if subject not in self._locked():
            writer = self.database.begin()
            self._insert(writer, subject, count)
            self._finish(writer, commits=True, nudges=nudges)

    @rule(subject=st.sampled_from(sorted(SUBJECTS)))
    def a_transaction_takes_an_id_and_stays_open(self, subject: str) -> None:
        if subject not in self._locked():
            self._insert(self.database.begin(), subject, 1)

    @precondition(lambda self: self.database.writers)
    @rule(which=some, commits=st.booleans(), nudges=st.booleans())
    def a_transaction_ends(self, which: int, commits: bool, nudges: bool) -> None:
        writers = list(self.database.writers.values())
        self._finish(writers[which % len(writers)], commits=commits, nudges=nudges)

    @precondition(lambda self: self.database.sessions)
    @rule(which=some)
    def a_session_is_ended(self, which: int) -> None:
        sessions = list(self.database.sessions.values())
        self.database.end(sessions[which % len(sessions)])

    # What a database is to the model

    def connect_source(self, relay_id: UUID) -> Source:
        return self.source(
            "",
            service=SERVICE,
            relay_id=relay_id,
            poll_s=0.1,
            batch_rows=BATCH_ROWS,
            batch_bytes=1_000_000,
            message_max_bytes=1_000_000,
        )

    def waits(self, message_id: bytes) -> bool:
        return int.from_bytes(message_id, "big") in self.database.rows

    def waiting(self) -> int:
        return len(self.database.rows)

    def owned(self) -> int:
        return len(self.database.holders)

    def is_killed(self, process: Process) -> None:
        for session in self._sessions_of(process):
            self.database.end(session)

    def heal_database(self) -> None:
        for writer in list(self.database.writers.values()):
            self._finish(writer, commits=True, nudges=True)

    def nudges(self, process: Process) -> tuple[bool, bool]:
        fileno = process.source.fileno() if process.source is not None else None
        session = self.database.sessions.get(fileno or 0)
        return (bool(session.nudges), session.is_unseen) if session is not None else (False, False)

    def _insert(self, writer: Writer, subject: str, count: int) -> None:
        """Writes messages in an open transaction."""
        for _ in range(count):
            self.database.insert(writer, subject, LOG, SUBJECTS[subject])

    def _finish(self, writer: Writer, *, commits: bool, nudges: bool) -> None:
        """Ends a transaction; a nudge may be lost, or one is enough for several."""
        self.database.finish(writer, commits=commits)
        if commits:
            self.messages |= {row.message_id: (row.subject, row.sequence) for row in writer.rows}
            self.given |= {row.subject: row.sequence for row in writer.rows}
        for session in self.database.sessions.values() if commits and nudges else ():
            session.nudge()

    def _locked(self) -> set[str]:
        """The subjects that an open transaction has locked."""
        return {row.subject for writer in self.database.writers.values() for row in writer.rows}

    def _connect(self, name: str) -> Session:
        process = next(process for process in self.processes if name.endswith(str(process.relay_id)))
        process.pause()
        return self.database.connect(name, process.pause)

    def _sessions_of(self, process: Process) -> list[Session]:
        return [each for each in self.database.sessions.values() if each.name.endswith(str(process.relay_id))]

    def _session_ends(self, session: Session) -> None:
        self.lost(self.database.rows[each].message_id for each in session.in_hand & self.database.rows.keys())
