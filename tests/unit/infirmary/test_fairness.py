"""Of messages that have failed, the newcomers and the oldest take turns."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.fairness import fairly

NOON = datetime(2001, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Failed:
    """A message that has failed."""

    id: int
    attempts: int
    retry_at: datetime


HEAPS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60))).map(
    lambda heap: [Failed(n, attempts, NOON + timedelta(seconds=at)) for n, (attempts, at) in enumerate(heap)]
)


@given(HEAPS)
def test_all_get_their_turn_and_each_once(heap: list[Failed]) -> None:
    assert sorted(fairly(heap), key=lambda failed: failed.id) == heap


@given(HEAPS.filter(bool))
def test_the_one_that_has_failed_least_and_the_one_due_for_longest_are_among_the_first_two(heap: list[Failed]) -> None:
    tried = fairly(heap)
    assert tried[0].attempts == min(failed.attempts for failed in heap)
    assert min(failed.retry_at for failed in heap) in [failed.retry_at for failed in tried[:2]]
