"""What the ends of the logs tell of a database: it was set back exactly when they hold what it has not given out."""

import math
from collections import defaultdict
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.broker.targets import LogLimits
from infirmary_relay.set_back.comparison import Known, set_back
from infirmary_relay.set_back.told import Told, told_by

LOGS = ("orders.events", "orders.events.1", "orders.to.billing")
commits = st.lists(st.tuples(st.sampled_from(LOGS), st.sampled_from("abc")), max_size=30)


def told_of(history: list[tuple[str, str]], ids: "count[int]") -> list[Told]:
    """Returns the messages of a history, numbered as a writer numbers them."""
    last: dict[str, int] = defaultdict(int)
    told = []
    for log, subject in history:
        message = Told(log, subject, 1, f"m{next(ids)}", None, math.inf)
        last[message.counted_as] += 1
        told.append(message._replace(sequence=last[message.counted_as]))
    return told


def known_of(told: list[Told], waiting: list[Told]) -> Known:
    last: dict[str, int] = {}
    for each in told:
        last[each.counted_as] = each.sequence
    return Known(last, {(each.counted_as, each.sequence): each.message_id for each in waiting})


@given(commits, st.data())
def test_a_database_that_has_all_its_commits_is_never_taken_for_one_that_was_set_back(
    history: list[tuple[str, str]], data: st.DataObject
) -> None:
    told = told_of(history, count())
    published = data.draw(st.integers(0, len(told)))
    tail = data.draw(st.integers(0, published))
    assert set_back(told[tail:published], known_of(told, told[tail:]), expired_before=0.0) is None


@given(commits, commits, commits, st.integers(1, 40))
def test_a_database_that_lacks_a_commit_which_was_published_is_noticed_whatever_it_has_written_since(
    before: list[tuple[str, str]], lost: list[tuple[str, str]], since: list[tuple[str, str]], tail: int
) -> None:
    ids = count()
    said = told_of(before + lost, ids)
    again = told_of(before + since, ids)
    now = said[: len(before)] + again[len(before) :]
    found = set_back(said[-tail:], known_of(now, now[len(before) :]), expired_before=0.0)
    assert (found is not None) == bool(lost)


def test_what_has_expired_says_nothing_of_a_subject_that_may_have_been_forgotten() -> None:
    old = Told("orders.to.billing", "a", 3, "m", None, 99.0)
    assert set_back([old], Known({}, {}), expired_before=100.0) is None
    assert set_back([old], Known({}, {}), expired_before=99.0) is not None
    assert set_back([old], Known({"orders.to.billing a": 2}, {}), expired_before=100.0) is not None


def test_it_says_in_words_what_was_found() -> None:
    told = [Told("orders.events", "a", 3, "m3", None, math.inf), Told("orders.events", "a", 4, "m4", None, math.inf)]
    words = set_back(told, Known({"a": 2}, {}), expired_before=0.0)
    assert words == (
        "the database was set back to an earlier moment: orders.events holds message m3 of a with sequence 3, and the"
        " database has given out 2 as the last one (and 1 more such messages lie there)"
    )


PROPERTIES: dict[str, Any] = {
    "message_id": "m",
    "application_headers": {
        "subject": "a",
        "sequence": 7,
        "dataschema": "urn:x",
        "causation_id": "c",
        "time": "2026-11-26T12:00:01.5+00:00",
    },
}


def test_a_message_is_read_as_far_as_it_is_compared() -> None:
    assert told_by("orders.events", PROPERTIES) == Told("orders.events", "a", 7, "m", "c", 1795694401.5)


@pytest.mark.parametrize("lacking", ["dataschema", "subject", "sequence"])
def test_a_message_whose_number_nobody_vouches_for_is_not_compared(lacking: str) -> None:
    headers = {name: value for name, value in PROPERTIES["application_headers"].items() if name != lacking}
    assert told_by("orders.events", PROPERTIES | {"application_headers": headers}) is None


@pytest.mark.parametrize("still_to_come", [0, 1])
def test_a_state_that_is_told_again_is_not_compared(still_to_come: int) -> None:
    headers = PROPERTIES["application_headers"] | {"state": still_to_come}
    assert told_by("orders.events", PROPERTIES | {"application_headers": headers}) is None


@pytest.mark.parametrize(("age", "seconds"), [("30D", 2_592_000), ("36h", 129_600), ("1Y", 31_536_000), ("90s", 90)])
def test_an_age_is_told_in_seconds(age: str, seconds: float) -> None:
    assert LogLimits(age, 1).max_age_s == seconds
