"""Few held messages are counted each time, many now and then, and it is never said too early that there are none."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.chassis.consumer.held_counts import MANY, MANY_ARE_COUNTED_EVERY_S, HeldCounts
from services.chassis.consumer.held_now import HeldNow


class Shelf:
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
    shelf = Shelf(held)
    shelf.counts.of("ward.inbox")
    for change, pause in changes:
        done = max(change, -shelf.held)
        shelf.held += done
        shelf.now += pause
        shelf.counts.changed("ward.inbox", done)
        assert shelf.counts.of("ward.inbox") == shelf.held


def test_many_are_not_counted_at_each_turn() -> None:
    shelf = Shelf(15_000)
    for _ in range(100):
        shelf.counts.of("ward.inbox")
        shelf.counts.changed("ward.inbox", -1)
        shelf.counts.forget_few("ward.inbox")
        shelf.now += 0.1
    assert shelf.countings <= 10 / MANY_ARE_COUNTED_EVERY_S + 1


def test_to_count_a_great_many_takes_a_hundredth_of_the_time_at_most() -> None:
    shelf = Shelf(1_000_000, takes_s=1.0)
    for _ in range(1000):
        shelf.counts.of("ward.inbox")
        shelf.counts.changed("ward.inbox", -1)
        shelf.now += 1.0
    assert shelf.countings * shelf.takes_s <= shelf.now / 100 + 2


def test_what_is_held_is_shown_by_state_and_so_is_the_oldest() -> None:
    shelf = Shelf(3)
    shelf.counts.of("shown.inbox")
    held = {state: shown("messages_held", state) for state in ("parked", "waiting")}
    assert held == {"parked": 3, "waiting": 0}
    assert [shown("held_oldest_timestamp_seconds", state) for state in ("parked", "waiting")] == [1.5e9, 0]


def shown(metric: str, state: str) -> float | None:
    return REGISTRY.get_sample_value(f"infirmary_{metric}", {"channel": "shown.inbox", "state": state})
