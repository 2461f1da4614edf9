"""The ledger on MongoDB keeps the same promises as the one on PostgreSQL, with one write in place of a transaction."""

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect
from services.chassis.consumer.ledger import ReaderReplaced
from services.chassis.mongo.ledger import MongoLedger

from services.chassis.consumer.applying import Applier
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.position import Position
from services.chassis.envelope import partition_of
from services.chassis.handlers import Handlers, Outcome, Refused
from services.chassis.identifiers import new_id
from services.chassis.messages import Command, Event, Message, encode, publishes, reads, receives
from services.chassis.mongo.schema import create_collections
from services.chassis.mongo.storage import connect
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.settings import Settings
from services.chassis.wire import SEQUENCE_OFFSET

LOG, QUEUE = "ward.events", "notification.inbox"
TOO_BIG_FOR_BSON = 2**63


@publishes(subject="counter")
class Counted(Event):
    """What is published for each thing told."""

    counter: str
    number: int


@reads("ward")
class Told(Event):
    """What the service is told."""

    counter: str
    number: int


@receives("admission")
class Add(Command):
    """Adds a number; 13 is refused."""

    number: int


@receives("admission")
class TakeAway(Command):
    """Undoes an addition; 13 is refused."""

    number: int


class Counting:
    """A service that counts what it is told, in the collection of notification; `broken` says what fails, and how."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broken: dict[str, Exception] = {}
        self.position = Position(first_offset=0)
        self._offsets, self._tags, self._order = count(), count(1), count()
        self.client = connect(settings, "test")
        self.database = self.client.get_default_database()
        self.ledger = self.open_ledger()
        self.ledger.own(LOG)

    def open_ledger(self) -> MongoLedger:
        """Opens another connection, as another process would."""
        return MongoLedger("notification", self.settings, Applier(self._handlers(), None), new_id())

    def _handlers(self) -> Handlers:
        handlers = Handlers("notification")

        def note(tx: MongoTransaction, counter: str, number: int) -> None:
            if counter in self.broken:
                raise self.broken[counter]
            tx.insert({"counter": counter, "number": number, "order": next(self._order)})
            tx.publish(Counted(counter=counter, number=number))

        @handlers.on(Told)
        def count_told(event: Told, tx: MongoTransaction) -> None:
            note(tx, event.counter, event.number)

        @handlers.command(Add)
        def add(command: Add, tx: MongoTransaction) -> Outcome:
            if command.number == 13:
                return Refused("bad luck")
            note(tx, str(command.saga_id), command.number)
            return None

        @handlers.command(TakeAway)
        def take_away(command: TakeAway, tx: MongoTransaction) -> Outcome:
            if command.number == 13:
                return Refused("bad luck")
            note(tx, str(command.saga_id), -command.number)
            return None

        return handlers

    def told(self, counter: str, number: int, **extra: Any) -> Delivery:
        """Returns the delivery of an event; its sequence is its number."""
        message = Told(counter=counter, number=number)
        sequence = 1 if number == TOO_BIG_FOR_BSON else number
        return self._delivery(message, counter, {"sequence": sequence}, offset=next(self._offsets), **extra)

    def asked(self, command: type[Command], saga_id: UUID, number: int, attempt: int = 1) -> Delivery:
        """Returns the delivery of a command."""
        step = "step" if command is Add else "step.compensation"
        fields = {"saga_id": saga_id, "step": step, "attempt": attempt, "reply_to": "admission", "number": number}
        return self._delivery(command.model_validate(fields), str(saga_id), {}, source="admission")

    def rubbish(self) -> Delivery:
        """Returns a delivery that nobody can make sense of."""
        return Delivery({"message_id": "no uuid"}, b"\x00rubbish", next(self._tags), next(self._offsets))

    def _delivery(
        self,
        message: Message,
        subject: str,
        headers: dict[str, Any],
        *,
        offset: int | None = None,
        source: str = "ward",
        message_id: UUID | None = None,
    ) -> Delivery:
        properties = {
            "message_id": str(message_id or new_id()),
            "app_id": source,
            "type": type(message).__name__,
            "application_headers": {"subject": subject, **headers},
        }
        return Delivery(properties, encode(message), next(self._tags), offset)

    def read(self, *deliveries: Delivery) -> None:
        """Applies a batch of the log."""
        self.position = self.ledger.apply_log(LOG, deliveries, self.position)

    def take(self, *deliveries: Delivery) -> None:
        """Applies a batch of the inbox queue."""
        self.ledger.apply_inbox(QUEUE, deliveries)

    def numbers(self, counter: object) -> list[int]:
        """Returns what was counted, in the order in which it was applied."""
        found = self.database.notifications.find({"counter": str(counter)}).sort("order", 1)
        return [each["number"] for each in found]

    def outbox(self, kind: str) -> list[dict[str, Any]]:
        """Returns the embedded messages of one type."""
        rows = [row for document in self.database.notifications.find() for row in document.get("outbox", ())]
        return sorted((row for row in rows if row["type"] == kind), key=lambda row: row["created_at"])

    def replies(self) -> list[tuple[str, int, str]]:
        """Returns (step, attempt, outcome) of the replies written so far."""
        bodies = [Replied.model_validate_json(row["body"]) for row in self.outbox("Reply")]
        return [(body.step, body.attempt, body.outcome) for body in bodies]

    def held(self) -> list[tuple[Any, ...]]:
        """Returns (subject, sequence, whether it failed) of what is parked or waits."""
        found = self.database.parked_message.find().sort("_id", 1)
        return [(each["subject"], each["sequence"], each["error"] is not None) for each in found]

    def retry_now(self, channel: str) -> None:
        """Lets everything that is parked be due, as an operator may, and tries it until nothing more can be applied."""
        due = {"$set": {"retry_at": datetime(2000, 1, 1, tzinfo=UTC)}}
        self.database.parked_message.update_many({"retry_at": {"$ne": None}}, due)
        while self.ledger.retry_held(channel):
            pass


class Replied(Command):
    """What the tests read of a reply."""

    reply_to: str = ""
    outcome: str


@pytest.fixture
def counting(mongodb: Callable[[str], str]) -> Iterator[Counting]:
    """The counting service on a fresh database."""
    settings = Settings(database_url=mongodb(f"counting_{new_id().hex}"))
    create_collections("notification", settings)
    create_collections("notification", settings)
    service = Counting(settings)
    yield service
    service.ledger.close()
    service.client.close()


def test_an_event_its_effect_and_what_it_tells_are_one_document(counting: Counting) -> None:
    delivery = counting.told("a", 1)
    counting.read(delivery)
    (document,) = counting.database.notifications.find()
    (row,) = document["outbox"]
    assert document["_id"] == delivery.identity
    assert document["outbox_partition"] == partition_of("a")
    assert document["outbox_since"] == row["created_at"]
    assert (row["target"], row["type"], row["sequence"]) == ("notification.events", "Counted", 1)
    assert struct.unpack_from(">q", row["header"], SEQUENCE_OFFSET) == (1,)


def test_events_are_applied_once_and_in_order(counting: Counting) -> None:
    twice = new_id()
    counting.read(counting.told("a", 1, message_id=twice), counting.told("a", 1, message_id=twice))
    counting.read(counting.told("a", 1, message_id=twice), counting.told("b", 1), counting.told("a", 2))
    assert (counting.numbers("a"), counting.numbers("b"), counting.held()) == ([1, 2], [1], [])
    assert counting.ledger.position(LOG).last_offset == 4


def test_an_event_that_comes_early_waits_for_those_before_it(counting: Counting) -> None:
    counting.read(counting.told("a", 3), counting.told("a", 2))
    assert counting.numbers("a") == []
    assert counting.held() == [("a", 3, False), ("a", 2, False)]
    counting.ledger.retry_held(LOG)
    assert missing() == 1
    counting.read(counting.told("a", 1))
    counting.retry_now(LOG)
    assert missing() == 0
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 3], [])


def missing() -> float | None:
    return REGISTRY.get_sample_value("infirmary_messages_missing", {"channel": LOG})


def test_a_failing_event_is_parked_with_those_behind_it_until_the_fault_is_gone(counting: Counting) -> None:
    counting.broken["a"] = RuntimeError("a bug")
    counting.read(counting.told("a", 1), counting.told("b", 1), counting.told("a", 2))
    assert counting.numbers("b") == [1]
    assert counting.held() == [("a", 1, True), ("a", 2, False)]
    counting.retry_now(LOG)
    assert counting.database.parked_message.find_one({"sequence": 1}, {"_id": False, "attempts": True}) == {
        "attempts": 2
    }
    counting.broken.clear()
    counting.retry_now(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1, 2], [])


def test_what_a_lost_connection_left_half_done_is_finished_by_doing_it_again(counting: Counting) -> None:
    batch = [counting.told("a", 1), counting.told("a", 2), counting.told("b", 1)]
    counting.broken["b"] = AutoReconnect("the connection is gone")
    with pytest.raises(AutoReconnect) as caught:
        counting.read(*batch)
    assert counting.ledger.is_transient(caught.value)
    assert counting.ledger.position(LOG).last_offset is None
    counting.broken.clear()
    counting.read(*batch)
    assert (counting.numbers("a"), counting.numbers("b"), counting.held()) == ([1, 2], [1], [])
    assert len(counting.outbox("Counted")) == 3


def test_a_batch_that_is_done_again_is_counted_once(counting: Counting) -> None:
    before = applied()
    batch = [counting.told("a", 1), counting.told("a", 2), counting.told("b", 1)]
    counting.broken["b"] = AutoReconnect("the connection is gone")
    with pytest.raises(AutoReconnect):
        counting.read(*batch)
    assert applied() - before == 0
    counting.broken.clear()
    counting.read(*batch)
    assert applied() - before == 3
    counting.read(counting.told("b", 2), counting.told("c", TOO_BIG_FOR_BSON))
    assert applied() - before == 4


def applied() -> float:
    return REGISTRY.get_sample_value("infirmary_messages_applied_total", {"channel": LOG, "type": "Told"}) or 0


def test_of_a_heap_that_fails_a_few_are_tried_beside_new_work_and_all_in_turn(counting: Counting) -> None:
    sagas = [new_id() for _ in range(30)]
    counting.broken = {str(saga_id): RuntimeError("a bug\x00\ud800") for saga_id in sagas}
    counting.take(*(counting.asked(Add, saga_id, 5) for saga_id in sagas))
    counting.take(counting.asked(Add, sagas[0], 5, attempt=2))
    make_due(counting)
    counting.ledger.retry_held(QUEUE, 2, math.inf)
    assert counting.database.parked_message.count_documents({"attempts": {"$gt": 1}}) == 2
    counting.ledger.retry_held(QUEUE, 100, 0.0)
    assert counting.database.parked_message.count_documents({"attempts": {"$gt": 1}}) == 3
    counting.ledger.retry_held(QUEUE)
    assert counting.database.parked_message.count_documents({"attempts": {"$gt": 1}}) == 30
    counting.broken.clear()
    counting.retry_now(QUEUE)
    assert (counting.held(), counting.numbers(sagas[0])) == ([], [5])


def test_one_that_has_just_failed_is_tried_before_a_heap_that_fails_for_ever(counting: Counting) -> None:
    sagas = [new_id() for _ in range(300)]
    counting.broken = {str(saga_id): RuntimeError("a bug") for saga_id in sagas}
    counting.broken["a"] = RuntimeError("a bug")
    for begin in range(0, 300, 100):
        counting.take(*(counting.asked(Add, saga_id, 5) for saga_id in sagas[begin : begin + 100]))
    counting.database.parked_message.update_many({}, {"$set": {"attempts": 9}})
    make_due(counting)
    fresh = new_id()
    counting.broken[str(fresh)] = RuntimeError("a bug")
    counting.take(counting.asked(Add, fresh, 5), counting.asked(Add, fresh, 5, attempt=2))
    counting.database.parked_message.update_many({"subject": str(fresh)}, {"$set": {"retry_at": datetime.now(UTC)}})
    del counting.broken[str(fresh)]
    for _ in range(2):
        counting.ledger.retry_held(QUEUE, 2, 0.0)
    assert counting.numbers(fresh) == [5]
    assert counting.database.parked_message.count_documents({"subject": str(fresh)}) == 0
    index = counting.database.parked_message.index_information()["channel_1_attempts_1_retry_at_1"]
    assert index["key"] == [("channel", 1), ("attempts", 1), ("retry_at", 1)]


def test_those_that_wait_for_an_event_are_woken_however_long_they_were_put_off(counting: Counting) -> None:
    counting.read(counting.told("a", 2), counting.told("a", 3))
    later = {"$set": {"retry_at": datetime.now(UTC) + timedelta(minutes=10)}}
    counting.database.parked_message.update_many({}, later)
    counting.read(counting.told("a", 1))
    while counting.ledger.retry_held(LOG):
        pass
    assert counting.numbers("a") == [1, 2, 3]


def test_a_database_has_one_name_and_keeps_it(counting: Counting) -> None:
    other = counting.open_ledger()
    assert counting.ledger.identity() == other.identity() == counting.ledger.identity()
    other.close()


def make_due(counting: Counting) -> None:
    due = {"$set": {"retry_at": datetime(2000, 1, 1, tzinfo=UTC)}}
    counting.database.parked_message.update_many({"retry_at": {"$ne": None}}, due)


def test_an_effect_that_cannot_be_written_is_parked_alone(counting: Counting) -> None:
    counting.read(counting.told("a", 1), counting.told("b", TOO_BIG_FOR_BSON), counting.told("a", 2))
    assert (counting.numbers("a"), counting.numbers("b")) == ([1, 2], [])
    assert counting.held() == [("b", 1, True)]


def test_rubbish_is_parked_and_disturbs_nothing(counting: Counting) -> None:
    foreign = counting.told("a", 1, source="lab")
    counting.read(counting.rubbish(), foreign, counting.told("a", 1))
    counting.take(counting.rubbish(), counting.asked(Add, new_id(), 5))
    counting.retry_now(LOG)
    assert counting.numbers("a") == [1]
    assert counting.held() == [(None, None, True), ("a", 1, True), (None, None, True)]


def test_a_reader_that_was_replaced_cannot_move_the_offset(counting: Counting) -> None:
    old = counting.position
    counting.read(counting.told("a", 1))
    with pytest.raises(ReaderReplaced):
        counting.ledger.apply_log(LOG, [counting.told("a", 1)], old)
    assert counting.ledger.position(LOG) == counting.position


def test_a_log_has_one_reader_at_a_time_and_the_next_takes_over(counting: Counting) -> None:
    second = counting.open_ledger()
    assert not second.own(LOG)
    past = datetime.now(UTC) - timedelta(seconds=1)
    counting.database.log_reader.update_one({"_id": LOG}, {"$set": {"until": past}})
    assert second.own(LOG)
    with pytest.raises(ReaderReplaced):
        counting.ledger.tend()
    with pytest.raises(ReaderReplaced):
        counting.read(counting.told("a", 1))
    second.close()
    assert counting.ledger.own(LOG)
    counting.ledger.tend()


def test_a_command_is_applied_once_and_every_attempt_gets_the_first_answer(counting: Counting) -> None:
    saga_id = new_id()
    first, second = counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2)
    counting.take(first, first, second)
    counting.take(first, second)
    assert counting.numbers(saga_id) == [5]
    assert counting.replies() == [("step", 1, "done"), ("step", 2, "done")]
    assert counting.database.notifications.count_documents({}) == 1


def test_a_refused_command_changes_nothing_and_stays_refused(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 13), counting.asked(Add, saga_id, 13, attempt=2))
    assert counting.numbers(saga_id) == []
    assert counting.replies() == [("step", 1, "refused"), ("step", 2, "refused")]


def test_a_compensation_undoes_its_step_once_and_is_tried_until_it_succeeds(counting: Counting) -> None:
    saga_id = new_id()
    refused = counting.asked(TakeAway, saga_id, 13)
    counting.take(counting.asked(Add, saga_id, 5), refused, refused)
    counting.take(counting.asked(TakeAway, saga_id, 5, attempt=2), counting.asked(TakeAway, saga_id, 5, attempt=3))
    assert counting.numbers(saga_id) == [5, -5]
    assert [outcome for _, _, outcome in counting.replies()] == ["done", "refused", "done", "done"]


def test_a_compensation_of_what_never_happened_lets_the_late_command_be_refused(counting: Counting) -> None:
    saga_id = new_id()
    counting.take(counting.asked(TakeAway, saga_id, 5), counting.asked(Add, saga_id, 5))
    assert counting.numbers(saga_id) == []
    assert counting.replies() == [("step.compensation", 1, "done"), ("step", 1, "refused")]


def test_a_compensation_overtakes_its_own_parked_command_and_closes_it(counting: Counting) -> None:
    saga_id, other = new_id(), new_id()
    counting.broken[str(saga_id)] = RuntimeError("a bug")
    late = counting.asked(Add, saga_id, 5)
    counting.take(late, counting.asked(Add, saga_id, 5, attempt=2), counting.asked(Add, other, 7))
    counting.take(late)
    assert counting.held() == [(str(saga_id), None, True), (str(saga_id), None, False)]
    counting.take(counting.asked(TakeAway, saga_id, 5))
    assert (counting.numbers(other), counting.held()) == ([7], [])
    assert counting.replies() == [("step", 1, "done"), ("step.compensation", 1, "done")]


def test_commands_that_come_together_are_answered_as_one_after_the_other(counting: Counting) -> None:
    plain, repeated, undone, refused, broken, unreadable, known = (new_id() for _ in range(7))
    counting.broken[str(broken)] = RuntimeError("a bug")
    counting.take(counting.asked(Add, known, 1))
    batch = [
        counting.asked(Add, plain, 2),
        counting.asked(Add, repeated, 3),
        counting.asked(TakeAway, undone, 4),
        counting.asked(Add, refused, 13),
        counting.asked(Add, broken, 5),
        replace(counting.asked(Add, unreadable, 6), body=b"{}"),
        counting.asked(Add, known, 1, attempt=2),
        counting.asked(Add, undone, 4),
        counting.asked(Add, repeated, 3, attempt=2),
        counting.asked(TakeAway, plain, 2),
    ]
    counting.take(*batch)
    counting.take(*batch)
    told = {saga_id: counting.numbers(saga_id) for saga_id in (plain, repeated, undone, refused, broken, known)}
    assert told == {plain: [2, -2], repeated: [3], undone: [], refused: [], broken: [], known: [1]}
    assert sorted(counting.replies()) == sorted(
        [
            ("step", 1, "done"),
            ("step", 1, "done"),
            ("step", 1, "done"),
            ("step", 1, "refused"),
            ("step", 1, "refused"),
            ("step", 2, "done"),
            ("step", 2, "done"),
            ("step.compensation", 1, "done"),
            ("step.compensation", 1, "done"),
        ]
    )
    assert {subject for subject, _, _ in counting.held()} == {str(broken), str(unreadable)}


def test_a_step_that_was_written_meanwhile_is_not_written_again_with_the_others(counting: Counting) -> None:
    taken, free = new_id(), new_id()
    first = counting.asked(Add, taken, 5)
    counting.take(first)
    counting.database.notifications.update_one({"saga_id": taken}, {"$set": {"saga_id": new_id()}})
    counting.take(first, counting.asked(Add, free, 7))
    assert (counting.numbers(taken), counting.numbers(free)) == ([5], [7])
    assert counting.replies() == [("step", 1, "done"), ("step", 1, "done")]


def test_a_parked_command_is_applied_when_the_fault_is_gone(counting: Counting) -> None:
    saga_id = new_id()
    counting.broken[str(saga_id)] = RuntimeError("a bug")
    counting.take(counting.asked(Add, saga_id, 5), counting.asked(Add, saga_id, 5, attempt=2))
    counting.broken.clear()
    counting.retry_now(QUEUE)
    assert (counting.numbers(saga_id), counting.held()) == ([5], [])
    assert counting.replies() == [("step", 1, "done"), ("step", 2, "done")]


def test_a_message_whose_handler_would_tell_too_much_is_parked(counting: Counting) -> None:
    counting.ledger.close()
    counting.settings = counting.settings.model_copy(update={"message_max_bytes": len('{"counter":"a","number":1}')})
    counting.ledger = counting.open_ledger()
    counting.ledger.own(LOG)
    counting.read(counting.told("a", 1), counting.told("long", 1), counting.told("b", 1))
    assert [counting.numbers(counter) for counter in ("a", "long", "b")] == [[1], [], [1]]
    assert counting.held() == [("long", 1, True)]
    (parked,) = counting.database.parked_message.find()
    assert "Counted has 29 bytes, and MESSAGE_MAX_BYTES allows 26" in parked["error"]
