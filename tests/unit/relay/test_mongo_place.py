"""However many documents give nothing, each of them is passed once and everything behind them is reached."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.sources.mongo_place import Place
from infirmary_relay.sources.source import HeldBack

NOTHING = HeldBack()
OTHERS = HeldBack(subjects=frozenset({"s"}))


def at_the_end(few: int = 0) -> Place:
    place = Place()
    place.begin(NOTHING, 0.0)
    place.passed(500)
    place.reached_end(few, 0.5)
    return place


@given(st.lists(st.tuples(st.integers(1, 500), st.booleans()), max_size=20))
def test_a_pass_goes_on_where_it_was_whatever_is_held_back_meanwhile(pages: list[tuple[int, bool]]) -> None:
    place = Place()
    for at, (documents, others) in enumerate(pages):
        held_back = OTHERS if others else NOTHING
        assert place.begin(held_back, at) == sum(each for each, _ in pages[:at])
        place.passed(documents)


def test_at_the_end_only_what_is_new_is_looked_at_for_a_while() -> None:
    assert at_the_end().begin(NOTHING, 1.4) == 500
    assert at_the_end().begin(NOTHING, 1.5) == 0


def test_few_at_the_end_are_read_again_and_many_are_not() -> None:
    assert at_the_end(49).begin(NOTHING, 1.4) == 500
    assert at_the_end(50).begin(NOTHING, 1.4) == 550


def test_what_is_held_back_no_more_is_found_at_once() -> None:
    assert at_the_end().begin(OTHERS, 0.6) == 0


def test_the_head_is_looked_at_again_where_the_end_is_never_reached() -> None:
    place = Place()
    place.begin(NOTHING, 0.0)
    place.passed(500)
    assert place.begin(NOTHING, 29.0) == 500
    assert place.begin(NOTHING, 30.0) == 0


def test_forgetting_begins_again() -> None:
    place = at_the_end()
    place.start_over()
    assert place.begin(NOTHING, 0.6) == 0
