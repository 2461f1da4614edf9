"""What sagas were answered long ago is forgotten, with the documents that have nothing else; what was done stays."""

import time
from uuid import UUID, uuid4

from infirmary.identifiers import least_id_of, new_id
from infirmary.mongo.answers import OldAnswers
from tests.integration.consumer.messages import Add
from tests.integration.consumer.on_mongodb import MongoCounting

KEPT_DAYS = 60


def begun(days_ago: float) -> UUID:
    """Returns an id of so many days ago."""
    return UUID(int=least_id_of(time.time() - days_ago * 86_400).int | uuid4().int & (2**62 - 1))


def asked_twice(on_mongodb: MongoCounting, saga_id: UUID) -> tuple[UUID, UUID]:
    """Returns the ids of two attempts: the second changes nothing, and gets the answer of the first."""
    first, second = on_mongodb.asked(Add, saga_id, 5), on_mongodb.asked(Add, saga_id, 5, attempt=2)
    on_mongodb.take(first)
    on_mongodb.take(second)
    return UUID(str(first.identity)), UUID(str(second.identity))


def sent(on_mongodb: MongoCounting) -> None:
    """The relay has sent all that waits, and leaves documents as it does."""
    on_mongodb.documents.update_many({}, {"$set": {"outbox": []}, "$unset": {"outbox_since": ""}})


def forget(on_mongodb: MongoCounting) -> None:
    answers = OldAnswers(on_mongodb.documents, KEPT_DAYS)
    while answers.some():
        pass


def test_old_answers_go_and_what_was_done_stays(on_mongodb: MongoCounting) -> None:
    effect, repeated = asked_twice(on_mongodb, begun(61))
    stays = {*asked_twice(on_mongodb, begun(59)), *asked_twice(on_mongodb, new_id()), *asked_twice(on_mongodb, uuid4())}
    sent(on_mongodb)
    forget(on_mongodb)
    left = {each["_id"]: each for each in on_mongodb.documents.find()}
    assert set(left) == {effect} | stays
    assert left[effect]["number"] == 5
    assert {each for each, document in left.items() if "saga_answer" in document} == stays
    assert repeated not in left


def test_an_answer_that_the_relay_has_not_sent_yet_waits_for_it(on_mongodb: MongoCounting) -> None:
    documents = set(asked_twice(on_mongodb, begun(61)))
    forget(on_mongodb)
    assert {each["_id"] for each in on_mongodb.documents.find({"saga_answer": {"$exists": True}})} == documents
    sent(on_mongodb)
    forget(on_mongodb)
    assert on_mongodb.documents.count_documents({"saga_answer": {"$exists": True}}) == 0


def test_a_command_for_a_saga_whose_answers_may_be_forgotten_is_parked(on_mongodb: MongoCounting) -> None:
    on_mongodb.take(on_mongodb.asked(Add, begun(400), 5))
    assert on_mongodb.documents.count_documents({}) == 0
    (held,) = on_mongodb.database["parked_message"].find()
    assert "more than 365 days ago" in held["error"]
