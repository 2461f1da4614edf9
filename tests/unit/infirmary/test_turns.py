"""Callers take turns, none of them has all threads, and nothing that waits is forgotten."""

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.http.turns import Queue, Turns, most_at_once

AT_ONCE = st.integers(1, 4)
STEPS = st.lists(st.sampled_from(["put a", "put b", "put c", "begin", "end first", "end last"]), max_size=200)


@given(AT_ONCE, STEPS)
def test_a_caller_has_its_share_at_the_most_and_a_thread_is_idle_only_when_that_is_used_up(
    at_once: int, steps: list[str]
) -> None:
    turns, waiting, under_way = Turns[int](at_once), Counter[str](), list[str]()
    for number, step in enumerate(steps):
        verb, _, what = step.partition(" ")
        if verb == "put":
            turns.add(what, number)
            waiting[what] += 1
        elif verb == "end" and under_way:
            turns.done(under_way.pop(0 if what == "first" else -1))
        elif verb == "begin":
            turn = turns.next()
            if turn is None:
                assert all(under_way.count(each) == at_once for each in +waiting)
            else:
                waiting[turn[0]] -= 1
                under_way.append(turn[0])
                assert under_way.count(turn[0]) <= at_once
    assert len(turns) == len({*+waiting, *under_way})


@given(st.lists(st.sampled_from("abc"), max_size=100))
def test_a_callers_own_come_in_their_order_and_none_is_lost(sent: list[str]) -> None:
    turns = Turns[int](len(sent) + 1)
    for number, caller in enumerate(sent):
        turns.add(caller, number)
    begun = [turn for _ in sent if (turn := turns.next()) is not None]
    assert turns.next() is None
    for caller in "abc":
        assert [number for who, number in begun if who == caller] == [
            number for number, who in enumerate(sent) if who == caller
        ]


@given(st.integers(0, 100), st.integers(1, 10), st.integers(0, 50))
def test_a_caller_waits_for_one_turn_of_each_other_whatever_these_have_sent(
    sent_each: int, others: int, begun: int
) -> None:
    turns = Turns[str](1000)
    for _ in range(sent_each):
        for other in range(others):
            turns.add(f"other {other}", "theirs")
    for _ in range(begun):
        turns.next()
    turns.add("late", "ours")
    before_it = 0
    while (turn := turns.next()) is not None and turn[0] != "late":
        before_it += 1
    assert turn == ("late", "ours")
    assert before_it <= others


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 1), (4, 3), (8, 6), (64, 48)])
def test_some_threads_are_for_the_others(threads: int, most: int) -> None:
    assert most_at_once(threads) == most


def test_who_waits_is_woken_by_new_work_by_an_end_and_by_the_end_of_all() -> None:
    queue, taken = Queue[int](1), list[tuple[str, int] | None]()
    news = threading.Semaphore(0)

    def take() -> None:
        for _ in range(3):
            taken.append(queue.take())
            news.release()

    thread = threading.Thread(target=take)
    thread.start()
    queue.put("a", 1)
    assert news.acquire(timeout=10)
    queue.put("a", 2)  # the thread waits again: one of a's is under way
    queue.done("a")
    assert news.acquire(timeout=10)
    queue.close()
    thread.join(10)
    assert taken == [("a", 1), ("a", 2), None]
