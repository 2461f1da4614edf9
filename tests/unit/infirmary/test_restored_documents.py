"""What was said after a backup of MongoDB is told by the documents of its causes, and by what waits in them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from infirmary.identifiers import least_id_of, new_id
from infirmary.mongo.restoring.known import MADE_FROM, Known
from infirmary.restoring.told import Told
from infirmary.transport.envelope import Incoming
from infirmary.transport.state_messages import LAST_WORD

EVENTS, ANSWERS = "notification.events", "notification.to.admission"
CAUSE = uuid4()


def told(log: str = EVENTS, kind: str = "NotificationSent", subject: str = "1", cause: UUID | None = CAUSE) -> Told:
    return Told(Incoming(uuid4(), "notification", kind, subject, 1, None, None, None, b"{}"), log, 1, cause)


def waits(said: Told, **other: Any) -> dict[str, Any]:
    """Returns how a message stands in the outbox of its document, but for some of it."""
    row = {"message_id": said.message.message_id, "target": said.log, "type": said.message.type, "sequence": 1}
    return {**row, "header": f"... {said.causation_id} ...".encode(), **other}


def known(**document: Any) -> Known:
    return Known({CAUSE: document}, saga_kept_days=365)


def test_what_has_no_document_was_said_since() -> None:
    assert Known({}, 365).was_said_since(told())
    assert not known().was_said_since(told())


@pytest.mark.parametrize(
    "said", [told(cause=None), told(kind=LAST_WORD), told("notification.to.audit", "AccessRecorded")]
)
def test_what_nobody_can_make_again_is_passed_over(said: Told) -> None:
    assert not Known({}, 365).was_said_since(said)


def test_a_document_made_from_one_of_two_events_lacks_the_other() -> None:
    first, second = told(), told()
    made = known(**{MADE_FROM: [first.message.message_id]})
    assert [made.was_said_since(each) for each in (first, second)] == [False, True]


def test_an_answer_is_missing_until_its_document_has_it() -> None:
    reply = told(ANSWERS, "Reply", str(new_id()))
    assert known().was_said_since(reply)
    assert not known(saga_answer={"outcome": "done"}).was_said_since(reply)


def test_an_answer_so_old_that_it_may_have_been_forgotten_is_not_missed() -> None:
    reply = told(ANSWERS, "Reply", str(least_id_of(0)))
    assert not Known({}, 365).was_said_since(reply)


def test_what_waits_and_says_the_same_under_another_id_gives_way_to_the_log() -> None:
    said, another_id = told(), uuid4()
    assert known(outbox=[waits(said)]).doubles(said) == []
    doubled = known(outbox=[waits(said, message_id=another_id)])
    assert doubled.was_said_since(said)
    assert doubled.doubles(said) == [another_id]


@pytest.mark.parametrize(
    "other",
    [{"header": b"of a state told again"}, {"header": None}, {"type": "Other"}, {"target": ANSWERS}, {"sequence": 2}],
)
def test_what_says_something_else_is_no_double(other: dict[str, Any]) -> None:
    said = told()
    assert not known(outbox=[waits(said, message_id=uuid4(), **other)]).was_said_since(said)


def test_an_answer_that_a_restore_has_left_to_be_given_anew_stands_beside_the_logs() -> None:
    reply = told(ANSWERS, "Reply", str(new_id()))
    waiting = waits(reply, message_id=uuid4(), sequence=2)
    anew = known(outbox=[waiting], saga_answer={"outcome": "done", "number": 2, "instead_of": 1})
    assert not anew.was_said_since(reply)
    assert anew.doubles(reply) == []


def test_an_answer_is_the_same_whatever_number_it_got_the_second_time() -> None:
    reply = told(ANSWERS, "Reply", str(new_id()))
    waiting = waits(reply, message_id=uuid4(), sequence=2)
    assert known(outbox=[waiting], saga_answer={"outcome": "done"}).was_said_since(reply)
