"""What waits in MongoDB is known by when it was written and by whether it is held back, whatever stands in it."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from infirmary_relay.sources.mongo_entries import Entries, created_at, holds_free, name_of, written_at
from infirmary_relay.sources.source import HeldBack
from tests.unit.relay.test_odd_entries import GOOD, VALUES

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOTHING = HeldBack()


def document(*entries: Any, **fields: Any) -> dict[str, Any]:
    return {"_id": "a", "outbox_partition": 0, "outbox_since": NOON, "outbox": list(entries)} | fields


def entry(**fields: Any) -> dict[str, Any]:
    return GOOD | fields


def test_a_document_is_as_old_as_its_oldest_message_however_often_more_is_appended() -> None:
    early = NOON - timedelta(hours=1)
    assert written_at(document(entry(created_at=early), entry(created_at=NOON))) == early.timestamp()
    assert written_at(document(entry(created_at="noon"), entry(created_at=early))) == early.timestamp()
    assert written_at(document()) == NOON.timestamp()
    assert written_at(document(entry(created_at=None))) == math.inf


@pytest.mark.parametrize(
    ("held_back", "is_free"),
    [
        (NOTHING, True),
        (HeldBack(subjects=frozenset({"s"})), False),
        (HeldBack(targets=frozenset({"log"})), False),
        (HeldBack(subjects=frozenset({name_of("a")})), False),
        (HeldBack(subjects=frozenset({"other"}), targets=frozenset({"other"})), True),
    ],
)
def test_what_is_held_back_is_not_free(held_back: HeldBack, is_free: bool) -> None:
    assert holds_free(document(entry(), entry()), held_back) == is_free
    assert holds_free(document(entry(), entry(subject="free", target="free")), held_back) == (
        is_free or name_of("a") not in held_back.subjects
    )


def test_a_document_without_messages_or_of_no_partition_is_not_free() -> None:
    assert not holds_free(document(), NOTHING)
    assert not holds_free(document(entry(), outbox_partition=64), NOTHING)
    assert not holds_free(document(outbox=None), NOTHING)


def test_a_message_that_is_sent_tells_when_it_was_written() -> None:
    (row,) = Entries("ward", 1024).rows(document(entry(created_at=NOON)), NOTHING)
    assert created_at(row) == NOON.timestamp()
    (row,) = Entries("ward", 1024).rows(document(entry(created_at=1, header=b"h")), NOTHING)
    assert math.isnan(created_at(row))


@given(VALUES, VALUES)
def test_nothing_is_raised_whatever_stands_there(outbox: Any, moment: Any) -> None:
    for each in (document(outbox=outbox), document(entry(created_at=moment)), document(outbox, outbox_since=moment)):
        holds_free(each, NOTHING)
        assert isinstance(written_at(each), float)
