"""Whatever stands in a document of MongoDB, nothing is raised, and what is odd is told."""

import struct
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from bson import Binary, DatetimeMS, Decimal128, Int64, ObjectId, Regex, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.broker import wire
from infirmary_relay.message import HEADER, SUBJECT, Unfit
from infirmary_relay.sources.mongo_entries import Entries, key_of, value_of
from infirmary_relay.sources.source import HeldBack
from infirmary_relay.streams import encoder
from infirmary_streams.received import received

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.uuids(),
    st.sampled_from([DatetimeMS(2**60), Decimal128("1"), ObjectId(), Regex("a"), Timestamp(1, 1), Binary(b"12345", 4)]),
    st.datetimes(timezones=st.just(UTC)),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
NAMES = ("message_id", "target", "type", "subject", "sequence", "header", "body", "created_at")
GOOD: dict[str, Any] = {
    "message_id": UUID(int=1),
    "target": "log",
    "type": "Noted",
    "subject": "s",
    "sequence": Int64(1),
    "header": None,
    "body": b"{}",
    "created_at": datetime(2026, 1, 1, tzinfo=UTC),
}
ENTRIES = st.dictionaries(st.sampled_from(NAMES), VALUES).map(lambda odd: GOOD | odd) | VALUES
DOCUMENTS = st.fixed_dictionaries(
    {"_id": VALUES, "outbox": st.lists(ENTRIES, max_size=3) | VALUES, "outbox_partition": st.just(5) | VALUES}
)


@given(DOCUMENTS, st.sets(st.sampled_from(["s", "log", ""])))
def test_nothing_is_raised_and_each_entry_is_sent_or_told(document: dict[str, Any], names: set[str]) -> None:
    rows = list(Entries("ward", 1000).rows(document, HeldBack(frozenset(names), frozenset(names))))
    for encoded in (wire.Encoder(1, 4096).encode(rows), encoder.Encoder(4096).encode(rows, 1)):
        assert len(encoded.rows) + len(encoded.unfit) == len(rows)
    assert all({row[SUBJECT]} & names == set() for row in rows)


@given(VALUES)
def test_every_id_is_a_key_that_leads_back_to_it(value: Any) -> None:
    assert str(value_of(key_of(value))) == str(value)


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (0, -0.0)])
def test_ids_that_python_takes_for_the_same_are_told_apart(one: Any, other: Any) -> None:
    assert key_of(one) != key_of(other)


def test_no_number_is_found_again_as_a_key() -> None:
    assert key_of(float("nan")) == key_of(float("nan"))


def test_a_target_that_is_no_text_does_not_wait_for_the_empty_target() -> None:
    document = {"_id": 1, "outbox_partition": 5, "outbox": [GOOD | {"target": 5}, GOOD | {"target": ""}]}
    (row,) = Entries("ward", 1000).rows(document, HeldBack(targets=frozenset({""})))
    assert isinstance(row[HEADER], Unfit)
    assert "its target is no text: 5" in row[HEADER].reason


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"subject": "s" * 4097}, "its subject has 4097 bytes, more than 4096"),
        ({"body": b"x" * 1001}, "its body has 1001 bytes, more than MESSAGE_MAX_BYTES (1000)"),
        ({"created_at": DatetimeMS(2**60)}, "is no time that a header holds"),
        ({"created_at": datetime(1, 1, 1, tzinfo=UTC)}, "is before 1970"),
        ({"sequence": 2**63}, "is no integer of 64 bits"),
        ({"sequence": True}, "is no integer of 64 bits"),
        ({"message_id": str(uuid4())}, "its message_id is no UUID"),
    ],
)
def test_the_reason_names_the_field(odd: dict[str, Any], reason: str) -> None:
    document = {"_id": 1, "outbox_partition": 5, "outbox": [GOOD | odd]}
    ((*_, header, _),) = Entries("ward", 1000).rows(document, HeldBack())
    assert isinstance(header, Unfit)
    assert reason in header.reason


def test_an_entry_as_it_should_be_is_a_message() -> None:
    (row,) = Entries("ward", 1000).rows({"_id": 1, "outbox_partition": 5, "outbox": [GOOD]}, HeldBack())
    properties = received(row[HEADER]).properties
    assert (properties["message_id"], properties["app_id"]) == (str(GOOD["message_id"]), "ward")
    assert struct.pack(">q", 1) == row[HEADER][-8:]
