"""The message over which the broker closes the channel is found, and only it."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.message import Row
from infirmary_relay.poison import PoisonSearch


def message(number: int) -> Row:
    return (number, "log", f"s{number}", number.to_bytes(16, "big"), b"", b"")


def test_one_closing_is_forgiven() -> None:
    search = PoisonSearch()
    assert search.closed([message(1), message(2)]) is None
    assert not search.one_by_one


def test_two_closings_over_the_same_messages_lead_to_one_by_one() -> None:
    search = PoisonSearch()
    search.closed([message(1), message(2)])
    assert search.closed([message(1), message(2)]) is None
    assert search.one_by_one


def test_two_closings_with_progress_between_them_do_not() -> None:
    search = PoisonSearch()
    search.closed([message(1), message(2)])
    search.settled(2)
    search.closed([message(1), message(3)])
    assert not search.one_by_one


@given(st.integers(1, 20), st.data())
def test_the_poison_message_is_found_and_the_others_get_through(count: int, data: st.DataObject) -> None:
    poison = data.draw(st.integers(1, count))
    window = data.draw(st.integers(1, count))
    waiting, found_so_far, search = [message(number) for number in range(1, count + 1)], [], PoisonSearch()
    for _ in range(4 * count + 4):
        batch = waiting[: 1 if search.one_by_one else window]
        if not batch:
            break
        if any(row[0] == poison for row in batch):
            found = search.closed(batch)
            if found is not None:
                found_so_far.append(found[0])
                waiting.remove(found)
        else:
            search.settled(len(batch))
            waiting = waiting[len(batch) :]
    assert found_so_far == [poison]
    assert waiting == []


def test_a_former_poison_message_is_tried_alone() -> None:
    search = PoisonSearch()
    search.try_alone()
    assert search.one_by_one
    search.settled(1)
    assert not search.one_by_one
