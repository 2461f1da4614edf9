"""A client's share of a hospital is judged as if the hospital held nothing else."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.facts import DatabaseState, LogMessage
from audit.ledger import Ledger
from audit.log_parts import name_of
from audit.quiescence import beginning_expired, end_of
from audit.share import as_if_alone, positions, recounted, subjects_of


def message(offset: int, part: int = 0, subject: str = "a") -> LogMessage:
    return LogMessage(offset, uuid4(), "ward", "BedReserved", subject, 1, part=part)


offsets = st.lists(st.integers(0, 10_000), unique=True).map(sorted)
"""Where a share's messages are in a part of a log: others are between them."""


@given(offsets, offsets, st.none() | st.integers(0, 10_000))
def test_a_reader_is_at_the_end_of_a_share_when_it_has_passed_its_last_message(
    first: list[int], second: list[int], read_to: int | None
) -> None:
    logs = {"ward": [message(each) for each in first] + [message(each, part=1) for each in second]}
    for part, ours in ((0, first), (1, second)):
        log = name_of("ward", part)
        position = positions({log: read_to}, logs)[log]
        has_passed = not ours or (read_to is not None and read_to >= ours[-1])
        assert (position == end_of(log, recounted(logs))) == has_passed


@given(offsets)
def test_a_share_begins_where_it_begins_and_not_where_the_log_does(ours: list[int]) -> None:
    found = recounted({"ward": [message(each) for each in ours]})["ward"]
    assert [each.offset for each in found] == list(range(len(ours)))
    assert not beginning_expired(found)


def test_a_reader_of_a_log_that_holds_nothing_of_a_share_has_nothing_to_read() -> None:
    state = as_if_alone(DatabaseState(readers={"lab.events": 4711, "lab.events.1": None}), {})
    assert state.readers == {"lab.events": None, "lab.events.1": None}


@pytest.mark.parametrize("kind", ["names", "prescriptions", "lab_results", "admissions"])
def test_what_a_client_was_told_of_belongs_to_its_share_before_any_event_of_it_is_read(kind: str) -> None:
    told, ledger = UUID(int=7), Ledger()
    getattr(ledger, kind)[told] = told
    assert subjects_of({"ward": [message(3, subject="w-1")]}, ledger) == [str(told), "w-1"]
