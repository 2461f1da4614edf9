"""Whatever is forgotten can come no more, for whichever clocks, logs and outboxes there are."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.ends import reader_forgets_before, writer_forgets_before
from infirmary.consumer.position import LATE_BY_S
from infirmary.identifiers import least_id_of

DAY_S = 86_400

moments = st.integers(0, 200 * DAY_S)
days = st.integers(1, 60)


@given(now=moments, days=days, began=moments, applied=moments, held=st.lists(moments))
def test_a_reader_forgets_what_is_old_and_was_applied_before_the_first_message_of_the_log_was_written(
    now: int, days: int, began: int, applied: int, held: list[int]
) -> None:
    """And before anything began whose first message is held: of that any number would be taken for the next."""
    forgets = applied < reader_forgets_before(now, days, began, ["ward-1", *(str(least_id_of(at)) for at in held)])
    is_old, has_gone = applied + days * DAY_S < now, applied + LATE_BY_S < began
    assert forgets == (is_old and has_gone and all(applied < at for at in held))


@given(
    now=moments, days=days, began=moments, ended=moments, waiting=st.none() | moments, lag_s=st.integers(0, 1_000_000)
)
def test_a_writer_never_forgets_what_a_reader_knows_or_what_may_still_come(
    now: int, days: int, began: int, ended: int, waiting: int | None, lag_s: int
) -> None:
    """A reader has applied it at most as long afterwards as it remembers: what is older has expired unread."""
    if ended >= writer_forgets_before(now, days, began, waiting):
        return
    assert waiting is None or ended + LATE_BY_S <= waiting, "it has left the outbox"
    applied = ended + min(lag_s, days * DAY_S)
    assert applied <= reader_forgets_before(now, days, began, ())
