"""The floor never passes a row that has not been delivered, whatever writers do."""

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infirmary_relay.floor import Floor

SUBJECTS = ("A", "B", "C")
TARGETS = ("log", "queue")
SETTINGS = settings(max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
UNTIL_CAUGHT = settings(SETTINGS, max_examples=20_000, phases=[Phase.generate], database=None, derandomize=True)


@dataclass(frozen=True)
class Row:
    id: int
    subject: str
    target: str


@dataclass
class Writer:
    """A transaction: it takes ids when it inserts, and its rows appear when it commits."""

    name: str
    rows: list[Row] = field(default_factory=list)


class Hospital(RuleBasedStateMachine):
    """Concurrent writers, and one relay that fetches from the floor."""

    def floor(self) -> Floor:
        return Floor()

    @initialize()
    def begin(self) -> None:
        self.relay_floor = self.floor()
        self.next_id = 1
        self.next_writer = 1
        self.writers: dict[str, Writer] = {}
        self.visible: dict[int, Row] = {}
        self.in_flight: dict[int, Row] = {}
        self.held_back: set[str] = set()

    @property
    def undelivered(self) -> dict[int, Row]:
        return {row.id: row for row in self.visible.values() if row.id not in self.in_flight}

    def locked(self) -> set[str]:
        """The subjects whose rows are locked by an open transaction."""
        return {row.subject for writer in self.writers.values() for row in writer.rows}

    def names_of(self, row: Row) -> set[str]:
        return {f"subject {row.subject}", f"target {row.target}"}

    @rule(subject=st.sampled_from(SUBJECTS), goes_to=st.sampled_from(TARGETS))
    def a_transaction_begins_with_an_insert(self, subject: str, goes_to: str) -> None:
        if subject not in self.locked() and len(self.writers) < 4:
            writer = Writer(f"3/{self.next_writer}")
            self.next_writer += 1
            self.writers[writer.name] = writer
            self.insert(writer, subject, goes_to)

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), subject=st.sampled_from(SUBJECTS), goes_to=st.sampled_from(TARGETS))
    def a_transaction_inserts_again(self, data: st.DataObject, subject: str, goes_to: str) -> None:
        writer = self.writers[data.draw(st.sampled_from(sorted(self.writers)))]
        own = {row.subject for row in writer.rows}
        if not writer.name.startswith("-1/") and (subject in own or subject not in self.locked()):
            self.insert(writer, subject, goes_to)

    def insert(self, writer: Writer, subject: str, target: str) -> None:
        writer.rows.append(Row(self.next_id, subject, target))
        self.next_id += 1

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), commits=st.booleans())
    def a_transaction_ends(self, data: st.DataObject, commits: bool) -> None:
        writer = self.writers.pop(data.draw(st.sampled_from(sorted(self.writers))))
        if commits:
            self.visible |= {row.id: row for row in writer.rows}

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def a_transaction_is_prepared(self, data: st.DataObject) -> None:
        writer = self.writers.pop(data.draw(st.sampled_from(sorted(self.writers))))
        if not writer.name.startswith("-1/"):
            writer.name = f"-1/{writer.name[2:]}"
        self.writers[writer.name] = writer

    @rule(limit=st.integers(1, 4))
    def the_relay_fetches(self, limit: int) -> None:
        floor = self.relay_floor
        floor.leaving_out(frozenset(self.held_back))
        found = [
            row
            for _, row in sorted(self.undelivered.items())
            if row.id > floor.value and not self.names_of(row) & self.held_back
        ][:limit]
        self.in_flight |= {row.id: row for row in found}
        highest = max((row.id for row in found), default=0)
        floor.fetched(
            highest=highest,
            complete_to=highest if len(found) == limit else math.inf,
            lowest_in_flight=min(self.in_flight, default=math.inf),
        )

    @rule()
    def the_relay_samples(self) -> None:
        if self.relay_floor.wants_sample:
            self.relay_floor.sampled(frozenset(self.writers))

    @precondition(lambda self: self.in_flight)
    @rule(confirmed=st.booleans(), block=st.sampled_from(("subject", "target", "nothing")))
    def the_broker_answers(self, confirmed: bool, block: str) -> None:
        row = self.in_flight.pop(min(self.in_flight))
        if confirmed:
            del self.visible[row.id]
        elif block != "nothing":
            self.held_back.add(f"{block} {getattr(row, block)}")

    @rule()
    def the_connection_to_the_broker_is_lost(self) -> None:
        self.in_flight.clear()

    @precondition(lambda self: self.held_back)
    @rule(data=st.data())
    def a_block_is_lifted(self, data: st.DataObject) -> None:
        self.held_back.remove(data.draw(st.sampled_from(sorted(self.held_back))))

    @rule()
    def a_partition_is_acquired(self) -> None:
        self.relay_floor.reset()

    @invariant()
    def no_undelivered_row_lies_below_the_floor(self) -> None:
        if not hasattr(self, "relay_floor"):
            return
        open_rows = [row.id for writer in self.writers.values() for row in writer.rows]
        lowest = min([*self.visible, *open_rows], default=math.inf)
        assert self.relay_floor.lowest_needed < lowest, f"row {lowest} is passed over"

    def teardown(self) -> None:
        """Once everything is quiet, everything is delivered, and the floor has risen past it."""
        if not hasattr(self, "relay_floor"):
            return
        for writer in list(self.writers.values()):
            self.visible |= {row.id: row for row in writer.rows}
        self.writers.clear()
        self.held_back.clear()
        for _ in range(len(self.visible) + 5):
            self.the_relay_fetches(4)
            self.the_relay_samples()
            for delivered in self.in_flight:
                del self.visible[delivered]
            self.in_flight.clear()
        assert not self.visible, f"{sorted(self.visible)} were never delivered"
        assert not self.relay_floor.wants_sample


def test_no_row_is_ever_passed_over_and_in_the_end_all_are_delivered() -> None:
    run_state_machine_as_test(Hospital, settings=SETTINGS)


class Cursor(Floor):
    """The bug that lost 934 of 7,486 rows: what was read last is where the next read begins."""

    def fetched(self, *, highest: int, complete_to: float, lowest_in_flight: float) -> None:
        super().fetched(highest=highest, complete_to=complete_to, lowest_in_flight=lowest_in_flight)
        self.value = max(self.value, int(min(highest, lowest_in_flight - 1)))


class Impatient(Floor):
    """Rises when no writer is left, without another fetch: what they committed since the last one was not seen."""

    def sampled(self, writers: AbstractSet[str]) -> None:
        super().sampled(writers)
        if not self._writers and self._candidate is not None:
            self.value = max(self.value, self._candidate)


class LikeXmin(Floor):
    """Does not see the newest writer, as xmin does not: it has taken an id, but no transaction id yet."""

    def sampled(self, writers: AbstractSet[str]) -> None:
        super().sampled(writers - {max(writers, default="")})


class BlindToPrepared(Floor):
    """Takes a transaction that was prepared for one that has ended."""

    def sampled(self, writers: AbstractSet[str]) -> None:
        super().sampled(frozenset(writer for writer in writers if not writer.startswith("-1/")))


class ForgetsBlocks(Floor):
    """Does not go back when a block is lifted."""

    def leaving_out(self, held_back: AbstractSet[str]) -> None:
        pass


@pytest.mark.parametrize("planted", [Cursor, Impatient, LikeXmin, BlindToPrepared, ForgetsBlocks])
def test_the_model_catches_a_floor_with(planted: type[Floor]) -> None:
    class Broken(Hospital):
        def floor(self) -> Floor:
            return planted()

    with pytest.raises(AssertionError, match=r"passed over|never delivered"):
        run_state_machine_as_test(Broken, settings=UNTIL_CAUGHT)
