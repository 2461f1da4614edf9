"""Relays, a broker and everything that may happen to them, in any order that hypothesis thinks of.

Who writes, and what may happen to the database, is told where the databases differ: `on_postgres`, `on_mongo`.
"""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from infirmary_relay.assignment import PARTITIONS
from tests.unit.relay.protocol.violations import require
from tests.unit.relay.protocol.world import World

MOST_RELAYS = 3
HEALED_AFTER_ROUNDS = 300
MANY = 1000

some = st.integers(0, 7)
"""Chooses one of several, whatever they are: a shrunk example then says 0."""


class Protocol(World):
    """The rules are what happens, the invariants what is promised."""

    @initialize(log_is_there=st.booleans())
    def begin(self, log_is_there: bool) -> None:
        """A log may be missing at first."""
        self.broker.has_log = log_is_there
        self.a_relay_joins()
        self.a_relay_joins()

    # What the program does

    @rule(which=some, steps=st.sampled_from((1, 2, 4, 10)))
    def a_relay_goes_on(self, which: int, steps: int) -> None:
        self.processes[which % len(self.processes)].go_on(steps)

    @precondition(lambda self: self.wires())
    @rule(which=some, at_most=st.integers(1, 4), at_once=st.booleans())
    def the_broker_takes_messages(self, which: int, at_most: int, at_once: bool) -> None:
        wires = self.wires()
        self.broker.take(wires[which % len(wires)], at_most, at_once=at_once)

    @rule(rounds=st.integers(1, 4))
    def everything_goes_on_for_a_while(self, rounds: int) -> None:
        for _ in range(rounds):
            for process in self.processes:
                process.go_on(6)
            for connected in self.wires():
                self.broker.take(connected, 4, at_once=True)

    @rule(seconds=st.sampled_from((0.2, 1.0, 6.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    # What happens to it

    @precondition(lambda self: len(self.processes) < MOST_RELAYS)
    @rule()
    def a_relay_joins(self) -> None:
        self.join()

    @precondition(lambda self: self.awake())
    @rule(which=some)
    def a_relay_leaves(self, which: int) -> None:
        awake = self.awake()
        leaving = awake[which % len(awake)]
        leaving.end()
        self.forget(leaving)

    @rule(which=some, arrives=st.booleans())
    def a_relay_is_killed(self, which: int, arrives: bool) -> None:
        victim = self.processes[which % len(self.processes)]
        victim.kill()
        self.is_killed(victim)
        if victim.connected is not None:
            self.broker.lose(victim.connected, arrives=arrives)
        self.forget(victim)

    @precondition(lambda self: self.awake())
    @rule(which=some)
    def a_relay_is_frozen(self, which: int) -> None:
        awake = self.awake()
        awake[which % len(awake)].frozen = True

    @precondition(lambda self: len(self.awake()) < len(self.processes))
    @rule(which=some)
    def a_frozen_relay_wakes(self, which: int) -> None:
        frozen = [process for process in self.processes if process.frozen]
        frozen[which % len(frozen)].frozen = False

    @precondition(lambda self: self.open_connections())
    @rule(which=some, arrives=st.booleans())
    def a_connection_to_the_broker_is_lost(self, which: int, arrives: bool) -> None:
        connections = self.open_connections()
        self.lose(connections[which % len(connections)], arrives=arrives)

    @rule(stays_away=st.booleans())
    def the_broker_goes_down_or_comes_back(self, stays_away: bool) -> None:
        for connected in self.open_connections():
            self.lose(connected, arrives=False)
        is_down = not self.broker.is_up
        self.broker.goes_down()
        self.broker.is_up = is_down or not stays_away

    @rule(messages=st.sampled_from((0, 1, 2, MANY)))
    def the_log_refuses_the_next_messages(self, messages: int) -> None:
        self.broker.refuses = messages

    @precondition(lambda self: self.broker.has_log and not self.broker.log)
    @rule()
    def the_log_is_deleted_while_it_is_empty(self) -> None:
        self.broker.loses_log()

    @precondition(lambda self: self.broker.has_log and not self.broker.is_another)
    @rule()
    def a_queue_takes_the_logs_name(self) -> None:
        for connected in self.open_connections():
            self.may_be_sent_again(connected)
        self.broker.has_another()

    @precondition(lambda self: self.broker.is_another and not self.has_in_flight())
    @rule()
    def the_log_is_itself_again(self) -> None:
        """Not while anything is in flight: what the queue took and confirmed a moment ago would be lost with it."""
        self.broker.is_another = False

    # What is promised

    @invariant()
    def nothing_is_lost(self) -> None:
        in_log = set(self.broker.log)
        for message_id, (subject, sequence) in self.messages.items():
            require(self.waits(message_id) or message_id in in_log, f"{subject} {sequence} is nowhere any more")

    @invariant()
    def repeats_are_of_an_unconfirmed_window(self) -> None:
        for message_id, times in Counter(self.broker.log).items():
            may = 1 + self.may_repeat[message_id]
            require(times <= may, f"message {self.messages[message_id]} came {times} times, and may {may} times")

    @invariant()
    def the_log_is_in_the_order_of_each_subject(self) -> None:
        """As long as the broker takes what it is sent; what it fails is put right by its readers."""
        last: Counter[str] = Counter()
        for subject, sequence in map(self.messages.__getitem__, self.broker.log):
            in_order = sequence <= last[subject] + 1
            require(in_order or self.broker.has_failed_some, f"{subject} {sequence} came after {last[subject]}")
            last[subject] = max(last[subject], sequence)

    def teardown(self) -> None:
        """Once everything is healed, everything gets out, and every partition has an owner.

        Unless a relay has ended over a violation: what comes of its end would only hide that.
        """
        try:
            if self.processes and not any(process.has_failed for process in self.processes):
                self._heal()
        finally:
            self.close()

    def _heal(self) -> None:
        self.heal_database()
        for process in self.processes:
            process.frozen = False
        self.broker.is_up, self.broker.refuses = True, 0
        for _ in range(HEALED_AFTER_ROUNDS):
            if not self.has_in_flight():
                break
            self.now += 0.05
            self.everything_goes_on_for_a_while(1)
        self.broker.is_another = False
        for _ in range(HEALED_AFTER_ROUNDS):
            self.now += 0.05
            self.everything_goes_on_for_a_while(1)
            if self._is_at_rest():
                break
        require(not self.waiting(), f"{self.waiting()} messages never leave the outbox")
        require(self.owned() == PARTITIONS, "some partitions have no owner")
        self.nothing_is_lost()
        self.repeats_are_of_an_unconfirmed_window()
        require(self.applied() == self.given, "a reader does not come to the end")

    def _is_at_rest(self) -> bool:
        return not self.waiting() and not self.wires() and self.owned() == PARTITIONS
