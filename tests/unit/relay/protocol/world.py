"""The world of the model: one outbox, its relays and its log, and what they have come to."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from random import Random
from types import SimpleNamespace
from unittest.mock import patch
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from infirmary.consumer.sequence import Sequences, Verdict
from infirmary_relay import looks, loop
from infirmary_relay.fetch_timing import LEAST_GAP_S
from infirmary_relay.message import MESSAGE_ID
from infirmary_relay.sources.source import Source
from tests.unit.relay.protocol.broker import Broker, Connected
from tests.unit.relay.protocol.steps import WINDOW_MESSAGES, Process
from tests.unit.relay.protocol.violations import require

SUBJECTS = {"A": 0, "B": 1, "C": 2}
"""With their partitions: two relays share them out."""


class World(RuleBasedStateMachine):
    """Everything that is there, whatever database it is. One clock is the database's and the relays'."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.broker = self.new_broker()
        self.processes: list[Process] = []
        self.may_repeat: Counter[bytes] = Counter()
        """How often a message may come to the log beyond its first time: once for each time that a relay lost it."""
        self._ids = Random(0)
        self.messages: dict[bytes, tuple[str, int]] = {}
        """The subject and sequence of each message that was committed."""
        self.given: Counter[str] = Counter()
        """The last sequence of each subject."""
        self._patches = ExitStack()
        self.put(looks, "_EVERY_S", 1e-9)  # a look for everything that is confirmed
        self.time = SimpleNamespace(monotonic=lambda: self.now)
        self.put(loop, "time", self.time)
        self.put(loop, "select", SimpleNamespace(select=self._select))

    def new_broker(self) -> Broker:
        """The broker, which relays reach by AMQP 0-9-1 unless told otherwise."""
        return Broker()

    def put(self, module: object, name: str, stand_in: object) -> None:
        """Puts a part of the model in the place of what a module of the relay uses."""
        self._patches.enter_context(patch.object(module, name, stand_in))

    # What a database is to the model

    @abstractmethod
    def connect_source(self, relay_id: UUID) -> Source:
        """Connects a relay to the model of the database."""

    @abstractmethod
    def waits(self, message_id: bytes) -> bool:
        """Whether a message is in the outbox."""

    @abstractmethod
    def waiting(self) -> int:
        """How many messages are in the outbox."""

    @abstractmethod
    def owned(self) -> int:
        """How many partitions have an owner that lives."""

    @abstractmethod
    def is_killed(self, process: Process) -> None:
        """Ends what the database knows of a process that is killed."""

    @abstractmethod
    def heal_database(self) -> None:
        """Ends whatever keeps the database from its work."""

    @abstractmethod
    def nudges(self, process: Process) -> tuple[bool, bool]:
        """Whether a nudge waits at a relay's descriptor; whether one came that no fetch has followed yet."""

    # What all have in common

    def join(self) -> None:
        """Starts a relay."""
        self.processes.append(Process(UUID(int=self._ids.getrandbits(128)), self.connect_source, self.broker))

    def forget(self, process: Process) -> None:
        """Forgets a relay that has ended; there is always one."""
        self.processes.remove(process)
        if not self.processes:
            self.join()

    def lose(self, connected: Connected, *, arrives: bool) -> None:
        """Breaks a connection to the broker."""
        self.may_be_sent_again(connected)
        self.broker.lose(connected, arrives=arrives)

    def may_be_sent_again(self, connected: Connected) -> None:
        """Notes that what a relay has in flight need not be deleted when it is confirmed."""
        self.lost([row[MESSAGE_ID] for row in connected.in_flight()])

    def has_in_flight(self) -> bool:
        """Whether anything is under way to the broker, or confirmed and not yet let go."""
        return any(each.has_work or (each.is_open and each.in_flight()) for each in self.broker.connections)

    def close(self) -> None:
        """Ends all relays, and gives them back the outside world."""
        for process in self.processes:
            process.kill()
        self._patches.close()

    def applied(self) -> dict[str, int]:
        """How far a reader comes in each subject of the log, by the rule that consumers have."""
        sequences, waiting = Sequences({}, lambda _: False), set[tuple[str, int, UUID]]()
        for message_id in self.broker.log:
            waiting.add((*self.messages[message_id], UUID(bytes=message_id)))
            while ready := [each for each in waiting if sequences.judge(*each) is Verdict.APPLY]:
                for each in ready:
                    sequences.applied(*each)
                    waiting.remove(each)
        return {subject: last.sequence for subject, last in sequences.last.items()}

    def awake(self) -> list[Process]:
        """The relays that are not frozen."""
        return [process for process in self.processes if not process.frozen]

    def wires(self) -> list[Connected]:
        """The connections with messages under way that the broker can take."""
        return [each for each in self.broker.connections if each.has_work and self.broker.is_up]

    def open_connections(self) -> list[Connected]:
        """The connections that nobody has closed."""
        return [each for each in self.broker.connections if each.is_open]

    def in_log(self, message_id: bytes) -> bool:
        """Whether a message has come to the log."""
        return message_id in self.broker.log

    def lost(self, in_hand: Iterable[bytes]) -> None:
        """Notes that a relay has lost what it had in hand, which is a window at the most."""
        in_hand = list(in_hand)
        require(
            len(in_hand) <= WINDOW_MESSAGES, f"{len(in_hand)} messages are in flight, a window is {WINDOW_MESSAGES}"
        )
        self.may_repeat.update(in_hand)

    def _select(
        self, reading: list[int], _writing: object, _failing: object, timeout_s: float
    ) -> tuple[list[int], list[int], list[int]]:
        """Waits, that is: goes on when it is told to, at once if it was nudged, else at the end of the time-out."""
        process = next((process for process in self.processes if process.is_current), None)
        if process is None:
            return [], [], []
        process.pause()
        source, connected = process.source, process.connected
        if source is not None and connected is not None and self._could_fetch(process, source, connected):
            waits, is_unseen = self.nudges(process)
            if waits and source.fileno() in reading:
                return [fileno for fileno in (source.fileno(),) if fileno is not None], [], []
            require(not is_unseen or timeout_s < 1.5 * LEAST_GAP_S, f"a nudge waits for {timeout_s} s")
        self.now += timeout_s
        return [], [], []

    def _could_fetch(self, process: Process, source: Source, connected: Connected) -> bool:
        relay = process.relay
        has_room = connected.is_open and relay._has_room(connected.publisher)
        return has_room and source.partitions > 0 and not relay._stopping
