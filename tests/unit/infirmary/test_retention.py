"""Old rows go faster than they come, and the work goes first."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.retention import BATCH_ROWS, FIRST_AFTER_S, Retention


class Table:
    """Old rows, more of them each second, and a clock."""

    def __init__(self, rows: int, growth_per_s: int) -> None:
        self.rows, self.growth_per_s, self.now = float(rows), growth_per_s, 0.0

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.rows += seconds * self.growth_per_s

    def forget(self, at_most: int) -> dict[str, int]:
        found = min(int(self.rows), at_most)
        self.rows -= found
        self.pass_time(0.01)
        return {"log_sequence": found}


@given(busy=st.booleans(), growth_per_s=st.integers(0, 1000), turn_s=st.floats(0.001, 0.2))
def test_a_great_heap_is_gone_soon_and_stays_gone_whatever_else_there_is_to_do(
    busy: bool, growth_per_s: int, turn_s: float
) -> None:
    table = Table(150_000, growth_per_s)
    retention = Retention(table.forget, clock=lambda: table.now)
    while table.now < 150:
        retention.work(busy)
        table.pass_time(turn_s)
    assert table.rows <= growth_per_s * 60 + BATCH_ROWS


def test_a_session_that_has_just_begun_has_better_things_to_do() -> None:
    table = Table(10, 0)
    retention = Retention(table.forget, clock=lambda: table.now)
    while table.now < FIRST_AFTER_S:
        retention.work(busy=False)
        assert table.rows == 10
        table.pass_time(0.5)


def test_beside_other_work_it_takes_little_of_the_time() -> None:
    table = Table(10_000_000, 0)
    retention = Retention(table.forget, clock=lambda: table.now)
    table.pass_time(FIRST_AFTER_S)
    spent = 0.0
    while table.now < 60:
        before = table.now
        retention.work(busy=True)
        spent += table.now - before
        table.pass_time(0.005)
    assert spent < 0.05 * 60
