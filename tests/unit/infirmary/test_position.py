"""Whether a log is still the one that was read."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.position import Position, recognise, recognise_end

offsets = st.integers(0, 2**63 - 1)
ids = st.uuids()


@given(offset=offsets, identity=ids)
def test_a_log_never_read_is_read_from_wherever_it_starts(offset: int, identity: UUID) -> None:
    assert recognise(Position(), offset, identity) == "go on"
    assert recognise_end(Position(), offset) == "known"


@given(offset=offsets, identity=ids)
def test_the_message_applied_last_is_known_again(offset: int, identity: UUID) -> None:
    assert recognise(Position(0, offset, identity), offset, identity) == "known"


@given(offset=offsets, identity=ids)
def test_another_message_in_its_place_makes_the_reader_start_over(offset: int, identity: UUID) -> None:
    assert recognise(Position(0, offset, uuid4()), offset, identity) == "start over"


@given(last=offsets, skipped=st.integers(1, 10**6), identity=ids)
def test_where_retention_has_removed_the_last_message_the_reader_goes_on(
    last: int, skipped: int, identity: UUID
) -> None:
    assert recognise(Position(0, last, identity), last + skipped, uuid4()) == "go on"


@given(last=st.integers(1, 2**63 - 1), data=st.data())
def test_a_log_that_starts_or_ends_before_the_last_message_is_another_one(last: int, data: st.DataObject) -> None:
    before = data.draw(st.integers(0, last - 1))
    position = Position(0, last, uuid4())
    assert recognise(position, before, uuid4()) == "start over"
    assert recognise_end(position, before) == "start over"
    assert recognise_end(position, last) == "known"


@given(first=st.none() | offsets)
def test_a_beginning_has_expired_when_the_first_offset_was_above_zero(first: int | None) -> None:
    assert Position(first_offset=first).beginning_expired == (first is not None and first > 0)
