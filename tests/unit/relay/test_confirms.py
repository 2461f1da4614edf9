"""A message is deleted only when the broker has confirmed exactly it, and has not returned it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.confirms import Confirms
from infirmary_relay.message import Row
from infirmary_relay.streams.overdue import Overdue
from infirmary_relay.window import ImpossibleReceiptError
from infirmary_streams.publishing import runs as runs_of


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


@given(st.data())
def test_what_is_said_in_runs_is_settled_in_any_order_and_cut(data: st.DataObject) -> None:
    confirms = Confirms()
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    count, first = sum(sizes), 1
    for size in sizes:
        assert confirms.next_number == first
        confirms.publish([message(number, "ab"[number % 2]) for number in range(first, first + size)])
        first += size
    fates = data.draw(st.lists(st.sampled_from(("confirmed", "refused")), min_size=count, max_size=count))
    cuts = sorted(data.draw(st.sets(st.integers(2, count))) if count > 1 else ())
    runs: list[tuple[str, int, int]] = []
    for number, fate in enumerate(fates, start=1):
        if runs and runs[-1][0] == fate and number not in cuts:
            runs[-1] = (fate, runs[-1][1], number)
        else:
            runs.append((fate, number, number))
    told = data.draw(st.permutations(runs))
    ended_at = data.draw(st.none() | st.integers(0, len(told)))
    found: dict[str, list[Any]] = {"confirmed": [], "returned": [], "refused": []}
    is_ended: set[int] = set()
    for at, (fate, begin, end) in enumerate([*told, ("", 0, 0)]):
        if at == ended_at:
            is_ended = {row[0] for row in confirms.rows() if row[1] == "a"} - _told(told[:at])
            confirms.unreachable("a", "it is away")
        tell = confirms.run_confirmed if fate == "confirmed" else confirms.run_refused
        for run in runs_of(number for number in range(begin, end + 1) if fate and number not in is_ended):
            tell(*run)
        for window in confirms.settled():
            receipts = window.receipts()
            found["confirmed"] += receipts.confirmed
            found["returned"] += [row[0] for row in receipts.returned]
            found["refused"] += [row[0] for row in receipts.refused]
            assert window.wrong == ({"a": "it is away"} if is_ended & {row[0] for row in window.rows} else {})
    assert sorted(found["returned"]) == sorted(is_ended)
    for name in ("confirmed", "refused"):
        expected = [number for number, fate in enumerate(fates, start=1) if fate == name and number not in is_ended]
        assert sorted(found[name]) == expected
    assert len(confirms) == 0


def _told(runs: list[tuple[str, int, int]]) -> set[int]:
    return {number for _, begin, end in runs for number in range(begin, end + 1)}


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


def test_a_run_may_go_over_several_windows() -> None:
    confirms = Confirms()
    for first in (1, 3, 5):
        confirms.publish(messages(first, 2))
    confirms.run_refused(2, 5)
    assert confirms.tainted
    confirms.run_confirmed(1, 1)
    confirms.run_confirmed(6, 6)
    receipts = [window.receipts() for window in confirms.settled()]
    assert [each.confirmed for each in receipts] == [[1], [], [6]]
    assert [[row[0] for row in each.refused] for each in receipts] == [[2], [3, 4], [5]]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1), (2, 3), (3, 3), (1, 2**64 - 1)])
def test_a_run_of_what_is_not_in_flight_is_an_error(first: int, last: int) -> None:
    for is_confirmed in (True, False):
        confirms = Confirms()
        confirms.publish(messages(1, 2))
        with pytest.raises(ImpossibleReceiptError, match="not in flight"):
            (confirms.run_confirmed if is_confirmed else confirms.run_refused)(first, last)


@pytest.mark.parametrize("again", [(1, 1), (1, 2), (2, 2)])
def test_a_run_over_what_was_told_already_is_an_error(again: tuple[int, int]) -> None:
    confirms = Confirms()
    confirms.publish(messages(1, 3))
    confirms.run_confirmed(1, 2)
    with pytest.raises(ImpossibleReceiptError, match="twice"):
        confirms.run_refused(*again)


def test_what_is_unreachable_is_returned_and_nothing_may_be_sent_behind_it() -> None:
    confirms = Confirms()
    confirms.publish([message(1, "log"), message(2, "other"), message(3, "log")])
    confirms.run_confirmed(1, 1)
    confirms.unreachable("log", "it is away")
    assert confirms.tainted
    confirms.run_confirmed(2, 2)
    (window,) = confirms.settled()
    assert window.receipts() == ([1, 2], [message(3, "log")], [])
    assert window.wrong == {"log": "it is away"}


def test_a_log_that_nothing_goes_to_taints_nothing() -> None:
    confirms = Confirms()
    confirms.publish([message(1, "log")])
    confirms.unreachable("another", "it is away")
    assert not confirms.tainted
    confirms.run_confirmed(1, 1)
    assert [window.wrong for window in confirms.settled()] == [{}]


def test_only_a_log_that_owes_the_oldest_window_a_confirm_for_too_long_is_overdue() -> None:
    confirms = Confirms()
    overdue = Overdue(confirms, longest_s=30)
    assert overdue.targets(0) == set()
    confirms.publish([message(1, "slow"), message(2, "slow"), message(3, "quick")])
    assert overdue.targets(1) == set()
    confirms.publish([message(4, "quick")])
    confirms.run_confirmed(3, 4)
    confirms.settled()
    assert overdue.targets(20) == set()
    assert overdue.targets(50) == set(), "30 s after the last confirm of that window"
    assert overdue.targets(50.1) == {"slow"}
    confirms.run_confirmed(1, 1)
    assert overdue.targets(51) == set()
    confirms.unreachable("slow", "no confirm came")
    assert overdue.targets(99) == set()
