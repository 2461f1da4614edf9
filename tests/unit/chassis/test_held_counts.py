"""Few held messages are counted each time, many now and then, and it is never said too early that there are none."""

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.consumer.held_counts import MANY, MANY_ARE_COUNTED_EVERY_S, HeldCounts


class Shelf:
    """Some held messages, a clock, and how often they were counted."""

    def __init__(self, held: int) -> None:
        self.held, self.now, self.countings = held, 0.0, 0
        self.counts = HeldCounts(self._count, lambda _: 0, clock=lambda: self.now)

    def _count(self, _channel: str) -> int:
        self.countings += 1
        return self.held


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
