"""The documents in which a service with a MongoDB database keeps what messages cause: the contract with the relay."""

import time

import pytest
from pymongo import IndexModel

from infirmary.consumer.crash_points import CrashPoints
from infirmary.consumer.store import ReaderReplaced
from infirmary.identifiers import new_id
from infirmary.mongo.participant import OLD_INDEX, Answers
from infirmary.mongo.schema import create_collections
from infirmary.mongo.transaction import MongoTransaction
from infirmary.mongo.writes import Writes
from infirmary.processes import growing_tables
from infirmary.transport.envelope import partition_of
from infirmary_streams.received import received
from tests.integration.consumer.messages import SERVICE, UNLUCKY, Add, Faults, TakeAway
from tests.integration.consumer.on_mongodb import MongoCounting

TOO_BIG_FOR_BSON = 2**63


def test_an_event_its_effect_and_what_it_tells_are_one_document(on_mongodb: MongoCounting) -> None:
    delivery = on_mongodb.told("a", 1)
    on_mongodb.read(delivery)
    (document,) = on_mongodb.documents.find()
    (row,) = document["outbox"]
    assert document["_id"] == delivery.identity
    assert document["outbox_partition"] == partition_of("a 1")
    assert document["outbox_since"] == row["created_at"]
    assert (row["target"], row["type"], row["sequence"]) == ("notification.events", "Counted", 1)
    assert received(row["header"]).properties["application_headers"]["sequence"] == 1


def test_a_command_its_effect_its_answer_and_its_reply_are_one_document(on_mongodb: MongoCounting) -> None:
    saga_id = new_id()
    first, second = on_mongodb.asked(Add, saga_id, 5), on_mongodb.asked(Add, saga_id, 5, attempt=2)
    on_mongodb.take(first)
    on_mongodb.take(second)
    effect, repeated = on_mongodb.documents.find().sort("_id", 1)
    told = {"saga_id": saga_id, "step": "step", "outcome": "done", "reason": None}
    assert (effect["_id"], effect["number"], effect["saga_answer"]) == (first.identity, 5, told | {"number": 1})
    assert [row["type"] for row in effect["outbox"]] == ["Counted", "Reply"]
    assert (repeated["_id"], repeated["saga_answer"]) == (second.identity, told | {"number": 2})
    (reply,) = repeated["outbox"]
    assert received(reply["header"]).properties["application_headers"]["sequence"] == 2
    assert repeated["outbox_partition"] == partition_of(str(saga_id))
    assert "number" not in repeated


def test_an_effect_that_is_no_document_is_parked_alone(on_mongodb: MongoCounting) -> None:
    on_mongodb.read(on_mongodb.told("a", 1), on_mongodb.told("b", TOO_BIG_FOR_BSON, 1), on_mongodb.told("a", 2))
    assert (on_mongodb.numbers("a"), on_mongodb.numbers("b")) == ([1, 2], [])
    assert on_mongodb.held() == [("b", 1, "parked")]


def test_a_key_of_the_services_own_that_is_taken_is_not_mistaken_for_a_repeated_message(
    on_mongodb: MongoCounting,
) -> None:
    on_mongodb.documents.create_indexes([IndexModel([("counter", 1)], unique=True, sparse=True)])
    saga_id = new_id()
    on_mongodb.read(on_mongodb.told("a", 1), on_mongodb.told("a", 2), on_mongodb.told("b", 1))
    on_mongodb.take(on_mongodb.asked(Add, saga_id, 5, step="one"), on_mongodb.asked(Add, saga_id, 7, step="two"))
    assert on_mongodb.held() == [("a", 2, "parked"), (str(saga_id), 2, "parked")]
    assert (on_mongodb.numbers("b"), on_mongodb.replies()) == ([1], [("one", 1, "done")])
    assert "DuplicateKey" in on_mongodb.errors()[0] or "E11000" in on_mongodb.errors()[0]


def test_an_answer_is_given_once_even_by_two_readers(on_mongodb: MongoCounting) -> None:
    answers = Answers(on_mongodb.documents, some_are_old=False)
    saga_id = new_id()
    answers.load([saga_id])
    on_mongodb.take(on_mongodb.asked(Add, saga_id, 5))
    tx = MongoTransaction(SERVICE, new_id())
    command = Add(saga_id=saga_id, step="other", attempt=1, reply_to="admission", number=7)
    late = answers.answer(tx, command, lambda *_: None)
    assert late is not None
    writes = Writes(on_mongodb.documents, CrashPoints(None, None))
    writes.add(*late)
    with pytest.raises(ReaderReplaced, match=str(saga_id)):
        writes.write()
    assert on_mongodb.replies() == [("step", 1, "done")]


def test_a_saga_that_the_release_before_has_answered_gets_the_same_answers(on_mongodb: MongoCounting) -> None:
    saga_id, asked = new_id(), on_mongodb.asked
    index = IndexModel([("saga_id", 1), ("step", 1)], name=OLD_INDEX, unique=True, sparse=True)
    on_mongodb.documents.create_indexes([index])
    create_collections(SERVICE, on_mongodb.settings)
    first, undone = asked(Add, saga_id, 5, step="one"), asked(TakeAway, saga_id, 5, step="two")
    on_mongodb.documents.insert_many(
        [
            {"_id": first.identity, "saga_id": saga_id, "step": "one", "outcome": "done", "reason": None}
            | {"answered": [first.identity], "counter": str(saga_id), "number": 5, "order": -1},
            {"_id": undone.identity, "saga_id": saga_id, "step": "two.compensation", "outcome": "done"}
            | {"reason": "there was nothing to undo", "answered": [undone.identity]},
        ]
    )
    on_mongodb.end_reader(on_mongodb.store)
    on_mongodb.take_over()
    on_mongodb.take(first, undone)
    assert on_mongodb.replies() == []
    on_mongodb.take(asked(Add, saga_id, 5, step="one", attempt=2), asked(Add, saga_id, UNLUCKY, step="two"))
    on_mongodb.take(asked(TakeAway, saga_id, 5, step="one"))
    assert on_mongodb.numbers(saga_id) == [5, -5]
    assert on_mongodb.replies() == [("one", 2, "done"), ("two", 1, "refused"), ("one.compensation", 1, "done")]
    assert [row.sequence for row in on_mongodb.outbox() if row.type == "Reply"] == [1, 2, 3]


def test_a_migration_leaves_the_databases_incarnation_as_it_is(on_mongodb: MongoCounting) -> None:
    own = on_mongodb.database["database_identity"]
    own.update_one({"_id": "incarnation"}, {"$set": {"set_back_because": "a dump"}})
    before = own.find_one({"_id": "incarnation"})
    create_collections(SERVICE, on_mongodb.settings)
    assert own.find_one({"_id": "incarnation"}) == before
    assert before is not None
    assert before["set_back_because"] == "a dump"


def test_what_is_held_is_found_by_an_index(on_mongodb: MongoCounting) -> None:
    index = on_mongodb.database["parked_message"].index_information()["channel_1_attempts_1_retry_at_1"]
    assert index["key"] == [("channel", 1), ("attempts", 1), ("retry_at", 1)]


def test_the_collections_that_grow_are_measured(on_mongodb: MongoCounting, faults: Faults) -> None:
    faults.breaks("b")
    on_mongodb.read(on_mongodb.told("a", 1), on_mongodb.told("a", 2), on_mongodb.told("b", 1))
    sizes = {size.table: size for size in growing_tables(SERVICE, on_mongodb.settings)()}
    assert {table: size.rows for table, size in sizes.items()} == {
        "notifications": 2,
        "parked_message": 1,
        "log_sequence": 1,
    }
    for table in ("notifications", "parked_message"):
        assert time.time() - 60 < sizes[table].oldest_at < time.time() + 5
