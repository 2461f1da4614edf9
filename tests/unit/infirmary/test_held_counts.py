"""Few held messages are counted each time, many now and then, and it is never said too early that there are none."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from infirmary.consumer.held_counts import MANY, MANY_ARE_COUNTED_EVERY_S, NONE_IS_DOUBTED_AFTER_S, HeldCounts
from infirmary.consumer.held_now import HeldNow


class Held:
    """Some held messages, a clock, and how often they were counted."""

    def __init__(self, held: int, takes_s: float = 0.0) -> None:
        self.held, self.takes_s, self.now, self.countings = held, takes_s, 0.0, 0
        self.counts = HeldCounts(self._count, lambda _: 0, clock=lambda: self.now)

    def _count(self, _channel: str) -> HeldNow:
        self.countings += 1
        self.now += self.takes_s
        return HeldNow({"parked": self.held}, {"parked": 1.5e9} if self.held else {})


@given(
    held=st.integers(0, 2 * MANY),
    changes=st.lists(st.tuples(st.integers(-50, 50), st.floats(0, MANY_ARE_COUNTED_EVERY_S)), max_size=30),
)
def test_none_is_said_only_where_there_is_none_by_this_process_doing(
    held: int, changes: list[tuple[int, float]]
) -> None:
    held_now = Held(held)
    held_now.counts.of("ward.events")
    for change, pause in changes:
        done = max(change, -held_now.held)
        held_now.held += done
        held_now.now += pause
        held_now.counts.changed("ward.events", done)
        assert held_now.counts.of("ward.events") == held_now.held


def test_many_are_not_counted_at_each_turn() -> None:
    held_now = Held(15_000)
    for _ in range(100):
        held_now.counts.of("ward.events")
        held_now.counts.changed("ward.events", -1)
        held_now.now += 0.1
    assert held_now.countings <= 10 / MANY_ARE_COUNTED_EVERY_S + 1


def test_to_count_a_great_many_takes_a_hundredth_of_the_time_at_most() -> None:
    held_now = Held(1_000_000, takes_s=1.0)
    for _ in range(1000):
        held_now.counts.of("ward.events")
        held_now.counts.changed("ward.events", -1)
        held_now.now += 1.0
    assert held_now.countings * held_now.takes_s <= held_now.now / 100 + 2


def test_what_another_process_has_held_unseen_is_found_before_long() -> None:
    held_now = Held(0)
    assert held_now.counts.of("ward.events") == 0
    held_now.held = 1
    held_now.now += NONE_IS_DOUBTED_AFTER_S
    assert held_now.counts.of("ward.events") == 1


def test_a_consumer_at_rest_hardly_counts() -> None:
    held_now = Held(0, takes_s=0.001)
    for _ in range(1000):
        held_now.counts.of("ward.events")
        held_now.now += 1.0
    assert held_now.countings <= 1000 / NONE_IS_DOUBTED_AFTER_S + 1


def test_many_that_are_held_at_once_where_none_was_are_counted_at_once() -> None:
    held_now = Held(0)
    held_now.counts.of("ward.events")
    held_now.held = 2 * MANY
    held_now.counts.changed("ward.events", 2 * MANY)
    assert held_now.countings == 2


def test_what_is_held_is_shown_by_state_and_so_is_the_oldest() -> None:
    held_now = Held(3)
    held_now.counts.of("shown.events")
    held = {state: shown("messages_held", state) for state in ("parked", "waiting")}
    assert held == {"parked": 3, "waiting": 0}
    assert [shown("held_oldest_timestamp_seconds", state) for state in ("parked", "waiting")] == [1.5e9, 0]


def shown(metric: str, state: str) -> float | None:
    return REGISTRY.get_sample_value(f"infirmary_{metric}", {"channel": "shown.events", "state": state})
