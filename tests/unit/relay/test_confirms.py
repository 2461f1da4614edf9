"""A message is deleted only when the broker has confirmed exactly it, and has not returned it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.confirms import Confirms, ImpossibleReceiptError
from infirmary_relay.message import Row


def message(number: int, target: str = "log") -> Row:
    return (number, target, f"subject-{number % 3}", number.to_bytes(16, "big"), b"header", b"body")


def messages(first: int, count: int) -> list[Row]:
    return [message(number) for number in range(first, first + count)]


@given(st.data())
def test_what_is_settled_is_what_the_broker_said_of_each_message(data: st.DataObject) -> None:
    confirms = Confirms()
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    count = sum(sizes)
    first = 1
    for size in sizes:
        confirms.publish(messages(first, size))
        first += size
    fates = data.draw(st.lists(st.sampled_from(("ack", "nack", "return")), min_size=count, max_size=count))
    confirmed: list[Any] = []
    returned: list[Any] = []
    refused: list[Any] = []
    waiting = list(range(1, count + 1))
    told: set[int] = set()
    while waiting:
        tag = data.draw(st.sampled_from(waiting))
        earlier = [each for each in waiting if each <= tag]
        kind = "nack" if fates[tag - 1] == "nack" else "ack"
        alike = all((fates[each - 1] == "nack") == (kind == "nack") for each in earlier)
        multiple = alike and data.draw(st.booleans())
        settling = earlier if multiple else [tag]
        for each in settling:
            if fates[each - 1] == "return" and each not in told:
                confirms.returned(each.to_bytes(16, "big"), "log")
                told.add(each)
        (confirms.refused if kind == "nack" else confirms.acknowledged)(tag, multiple=multiple)
        waiting = [each for each in waiting if each not in settling]
        for window in confirms.settled():
            receipts = window.receipts()
            confirmed += receipts.confirmed
            returned += [row[0] for row in receipts.returned]
            refused += [row[0] for row in receipts.refused]
    numbered = list(enumerate(fates, start=1))
    assert sorted(confirmed) == [tag for tag, fate in numbered if fate == "ack"]
    assert sorted(returned) == [tag for tag, fate in numbered if fate == "return"]
    assert sorted(refused) == [tag for tag, fate in numbered if fate == "nack"]
    assert len(confirms) == 0


def test_a_window_is_settled_only_when_all_of_it_is() -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 3))
    confirms.acknowledged(3, multiple=False)
    confirms.acknowledged(1, multiple=False)
    assert confirms.settled() == []
    confirms.acknowledged(2, multiple=False)
    assert [window.receipts().confirmed for window in confirms.settled()] == [[1, 2, 3]]


def test_one_multiple_ack_settles_several_windows() -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 2))
    confirms.publish(messages(3, 2))
    confirms.acknowledged(4, multiple=True)
    assert [window.receipts().confirmed for window in confirms.settled()] == [[1, 2], [3, 4]]


def test_a_returned_message_is_not_confirmed_by_its_ack() -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 2))
    confirms.returned((2).to_bytes(16, "big"), "log")
    assert confirms.tainted
    confirms.acknowledged(2, multiple=True)
    (window,) = confirms.settled()
    assert window.receipts() == ([1], [message(2)], [])


def test_of_two_messages_with_one_id_the_first_is_returned_first() -> None:
    twins = [message(1), (2, *message(1)[1:])]
    confirms = Confirms()
    confirms.publish(twins)
    confirms.returned((1).to_bytes(16, "big"), "log")
    confirms.acknowledged(2, multiple=True)
    (window,) = confirms.settled()
    assert window.receipts().confirmed == [2]


@pytest.mark.parametrize("unknown", [None, b"?" * 16])
def test_a_return_that_names_no_message_returns_all_that_go_to_its_target(unknown: bytes | None) -> None:
    confirms = Confirms()
    confirms.publish([message(1, "log"), message(2, "queue"), message(3, "log")])
    confirms.returned(unknown, "log")
    confirms.acknowledged(3, multiple=True)
    (window,) = confirms.settled()
    assert window.receipts() == ([2], [message(1, "log"), message(3, "log")], [])


@pytest.mark.parametrize(("tag", "multiple"), [(0, False), (3, False), (3, True)])
def test_an_ack_of_what_was_never_sent_is_an_error(tag: int, multiple: bool) -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 2))
    with pytest.raises(ImpossibleReceiptError):
        confirms.acknowledged(tag, multiple=multiple)


def test_a_second_ack_is_an_error() -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 2))
    confirms.acknowledged(1, multiple=False)
    with pytest.raises(ImpossibleReceiptError, match="twice"):
        confirms.acknowledged(1, multiple=False)


def test_an_ack_that_comes_after_its_window_has_settled_is_an_error() -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 1))
    confirms.acknowledged(1, multiple=False)
    confirms.settled()
    confirms.publish(messages(2, 1))
    with pytest.raises(ImpossibleReceiptError, match="settled"):
        confirms.acknowledged(1, multiple=False)
