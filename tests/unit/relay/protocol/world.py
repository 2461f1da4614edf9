"""The world of the model: one outbox, its relays and its log, and what they have come to."""

from collections import Counter
from contextlib import ExitStack
from random import Random
from types import SimpleNamespace
from unittest.mock import patch
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from infirmary.consumer.sequence import Sequences, Verdict
from infirmary_relay import looks, loop
from infirmary_relay.message import MESSAGE_ID
from infirmary_relay.sources import postgres
from infirmary_relay.sources.postgres import PostgresSource
from tests.unit.relay.protocol.broker import Broker, Channel
from tests.unit.relay.protocol.postgres import Database, Writer
from tests.unit.relay.protocol.session import Session
from tests.unit.relay.protocol.steps import LOG, WINDOW_MESSAGES, Process
from tests.unit.relay.protocol.violations import require

SUBJECTS = {"A": 0, "B": 1, "C": 2}
"""With their partitions: two relays share them out."""


class World(RuleBasedStateMachine):
    """Everything that is there. One clock is the database's and the relays'."""

    source: type[PostgresSource] = PostgresSource

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.broker = Broker()
        self.database = Database(lambda: self.now, self._session_ends)
        self.database.in_log = self._in_log
        self.processes: list[Process] = []
        self.may_repeat: Counter[bytes] = Counter()
        """How often a message may come to the log beyond its first time: once for each time that a relay lost it."""
        self._ids = Random(0)
        self.messages: dict[bytes, tuple[str, int]] = {}
        """The subject and sequence of each message that was committed."""
        self._patches = ExitStack()
        self._patches.enter_context(patch.object(looks, "_EVERY_S", 1e-9))  # a look for everything that is confirmed
        time = SimpleNamespace(monotonic=lambda: self.now)
        for module, name, stand_in in (
            (loop, "time", time),
            (postgres, "time", time),
            (loop, "select", SimpleNamespace(select=self._select)),
            (postgres, "connect", lambda _url, name, _ca_file=None: self._connect(name)),
        ):
            self._patches.enter_context(patch.object(module, name, stand_in))

    def join(self) -> None:
        """Starts a relay."""
        self.processes.append(Process(UUID(int=self._ids.getrandbits(128)), self.source, self.broker))

    def forget(self, process: Process) -> None:
        """Forgets a relay that has ended; there is always one."""
        self.processes.remove(process)
        if not self.processes:
            self.join()

    def insert(self, writer: Writer, subject: str, count: int) -> None:
        """Writes messages in an open transaction."""
        for _ in range(count):
            self.database.insert(writer, subject, LOG, SUBJECTS[subject])

    def finish(self, writer: Writer, *, commits: bool) -> None:
        """Ends a transaction."""
        self.database.finish(writer, commits=commits)
        if commits:
            self.messages |= {row.message_id: (row.subject, row.sequence) for row in writer.rows}

    def lose(self, channel: Channel, *, arrives: bool) -> None:
        """Breaks a connection to the broker."""
        self.may_be_sent_again(channel)
        self.broker.lose(channel, arrives=arrives)

    def may_be_sent_again(self, channel: Channel) -> None:
        """Notes that what a relay has in flight need not be deleted when it is confirmed."""
        self._lost([row[MESSAGE_ID] for row in channel.in_flight()])

    def has_in_flight(self) -> bool:
        """Whether anything is under way to the broker, or confirmed and not yet let go."""
        return any(channel.wire or (channel.is_open and channel.confirms) for channel in self.broker.channels)

    def close(self) -> None:
        """Ends all relays, and gives them back the outside world."""
        for process in self.processes:
            process.kill()
        self._patches.close()

    def applied(self) -> dict[str, int]:
        """Returns how far a reader comes in each subject of the log, by the rule that consumers have."""
        sequences, waiting = Sequences({}, lambda _: False), set[tuple[str, int]]()
        for message_id in self.broker.log:
            waiting.add(self.messages[message_id])
            while ready := [each for each in waiting if sequences.judge(*each) is Verdict.APPLY]:
                for subject, sequence in ready:
                    sequences.applied(subject, sequence)
                    waiting.remove((subject, sequence))
        return dict(sequences.last)

    def locked(self) -> set[str]:
        """Returns the subjects that an open transaction has locked."""
        return {row.subject for writer in self.database.writers.values() for row in writer.rows}

    def awake(self) -> list[Process]:
        """Returns the relays that are not frozen."""
        return [process for process in self.processes if not process.frozen]

    def sessions_of(self, process: Process) -> list[Session]:
        """Returns a relay's sessions."""
        return [each for each in self.database.sessions.values() if each.name.endswith(str(process.relay_id))]

    def wires(self) -> list[Channel]:
        """Returns the channels with messages under way that the broker can take."""
        return [channel for channel in self.broker.channels if channel.wire and self.broker.is_up]

    def open_channels(self) -> list[Channel]:
        """Returns the channels that nobody has closed."""
        return [channel for channel in self.broker.channels if channel.is_open]

    def _in_log(self, message_id: bytes) -> bool:
        return message_id in self.broker.log

    def _process_of(self, name: str) -> Process:
        return next(process for process in self.processes if name.endswith(str(process.relay_id)))

    def _connect(self, name: str) -> Session:
        process = self._process_of(name)
        process.pause()
        return self.database.connect(name, process.pause)

    def _select(self, *arguments: object) -> tuple[list[int], list[int], list[int]]:
        """Waits, that is: goes on at once when it is told to, at the end of the time-out by the relay's clock."""
        *_, timeout_s = arguments
        for process in self.processes:
            process.pause()
        self.now += float(str(timeout_s))
        return [], [], []

    def _session_ends(self, session: Session) -> None:
        self._lost([self.database.rows[each].message_id for each in session.in_hand & self.database.rows.keys()])

    def _lost(self, in_hand: list[bytes]) -> None:
        """Notes that a relay has lost what it had in hand, which is a window at the most."""
        require(
            len(in_hand) <= WINDOW_MESSAGES, f"{len(in_hand)} messages are in flight, a window is {WINDOW_MESSAGES}"
        )
        self.may_repeat.update(in_hand)
