"""What expires under a reader is seen by the gap that it leaves between two offsets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.delivery import Delivery, unbroken


def delivered(offset: int) -> Delivery:
    return Delivery({}, b"", 0, offset)


@given(st.lists(st.integers(0, 30), unique=True).map(sorted))
def test_runs_hold_all_messages_and_break_where_and_only_where_more_than_one_offset_is_missing(
    offsets: list[int],
) -> None:
    runs = [[each.offset or 0 for each in run] for run in unbroken(map(delivered, offsets))]
    assert [offset for run in runs for offset in run] == offsets
    assert all(after - before <= 2 for run in runs for before, after in pairwise(run))
    assert all(after[0] - before[-1] > 2 for before, after in pairwise(runs))
