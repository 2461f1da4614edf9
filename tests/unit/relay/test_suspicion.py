"""The message over which the broker closes the channel is found, and only it is blamed."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.message import Row
from infirmary_relay.suspicion import Suspicion


def message(number: int) -> Row:
    return (number, "log", f"s{number}", number.to_bytes(16, "big"), b"", b"")


def test_one_closing_is_forgiven() -> None:
    suspicion = Suspicion()
    assert suspicion.closed([message(1), message(2)]) is None
    assert not suspicion.one_by_one


def test_two_closings_over_the_same_messages_lead_to_one_by_one() -> None:
    suspicion = Suspicion()
    suspicion.closed([message(1), message(2)])
    assert suspicion.closed([message(1), message(2)]) is None
    assert suspicion.one_by_one


def test_two_closings_with_progress_between_them_do_not() -> None:
    suspicion = Suspicion()
    suspicion.closed([message(1), message(2)])
    suspicion.settled(2)
    suspicion.closed([message(1), message(3)])
    assert not suspicion.one_by_one


@given(st.integers(1, 20), st.data())
def test_the_culprit_is_found_and_the_others_get_through(count: int, data: st.DataObject) -> None:
    culprit = data.draw(st.integers(1, count))
    window = data.draw(st.integers(1, count))
    waiting, blamed, suspicion = [message(number) for number in range(1, count + 1)], [], Suspicion()
    for _ in range(4 * count + 4):
        batch = waiting[: 1 if suspicion.one_by_one else window]
        if not batch:
            break
        if any(row[0] == culprit for row in batch):
            found = suspicion.closed(batch)
            if found is not None:
                blamed.append(found[0])
                waiting.remove(found)
        else:
            suspicion.settled(len(batch))
            waiting = waiting[len(batch) :]
    assert blamed == [culprit]
    assert waiting == []


def test_a_former_culprit_is_tried_alone() -> None:
    suspicion = Suspicion()
    suspicion.try_alone()
    assert suspicion.one_by_one
    suspicion.settled(1)
    assert not suspicion.one_by_one
