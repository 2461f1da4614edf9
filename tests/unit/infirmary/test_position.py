"""Whether a log is still the one that was read."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.position import LATE_BY_S, Position, recognise, recognise_end

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


times = st.floats(1.5e9, 4e9).map(lambda at: datetime.fromtimestamp(at, UTC))
began = st.none() | times.map(datetime.timestamp)


@given(written=times, began=began)
def test_a_log_that_was_there_from_its_beginning_has_all_of_everything(written: datetime, began: float | None) -> None:
    assert Position().has_all_of(began)
    assert Position().begun_at(0, written).has_all_of(began)


@given(offset=st.integers(1, 2**63 - 1), written=times, began=began, again=times)
def test_where_the_beginning_was_gone_all_is_there_of_what_began_well_after_it(
    offset: int, written: datetime, began: float | None, again: datetime
) -> None:
    position = Position().begun_at(offset, written)
    assert position.has_all_of(began) == (began is not None and began > written.timestamp() + LATE_BY_S)
    if not position.has_all_of(began):
        assert not position.begun_at(offset, again).has_all_of(began), "what was lost once stays lost"
