"""A handler's Session works in the batch's transaction, and can neither end nor undo it."""

import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from infirmary.handlers import Outcome, Refused
from infirmary.sqlalchemy import Outbox
from tests.integration.infirmary.messages import Counted
from tests.integration.sessions.app import Item, Shop
from tests.integration.sessions.consumer import Consumer, Noted, Reserve, Sold, errors


def add(event: Sold, session: Session) -> None:
    session.add(Item(name=event.name))


def test_what_a_handler_adds_is_committed_with_the_place_in_the_log(shop: Shop, consumer: Consumer) -> None:
    consumer.on_sold = add
    consumer.hear("a", "b", "c")
    assert shop.items() == ["a", "b", "c"]
    assert shop.rows("SELECT last_offset FROM log_reader WHERE log = 'till.events'") == [(3,)]


def test_the_first_message_after_a_connection_is_no_other_than_the_next(
    shop: Shop, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    consumer.on_sold = add
    consumer.hear("a")
    consumer.on_sold = lambda _event, _session: 1 / 0  # type: ignore[assignment]
    consumer.hear("parked")
    caplog.clear()
    consumer.on_sold = add
    consumer.store.close()
    consumer.open()
    consumer.retry()
    assert (shop.items(), errors(shop)) == (["a", "parked"], [])
    consumer.store.close()
    consumer.open()
    consumer.hear("b")
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_later_message_of_the_batch_sees_what_an_earlier_one_did(shop: Shop, consumer: Consumer) -> None:
    def count(event: Sold, session: Session) -> None:
        item = session.get(Item, "one")
        if item is None:
            item = Item(name="one", number=0)
            session.add(item)
        item.number += 1

    consumer.on_sold = count
    consumer.hear(*"abab")
    assert shop.rows("SELECT number FROM item") == [(4,)]


def test_handlers_with_a_session_and_with_the_transaction_share_a_batch(shop: Shop, consumer: Consumer) -> None:
    consumer.on_sold = add
    consumer.hear("a")
    consumer.hear("b", "c", kind=Noted)
    assert shop.items() == ["a", "b", "c"]


def test_orm_and_core_work_as_they_do_anywhere(shop: Shop, consumer: Consumer) -> None:
    def work(event: Sold, session: Session) -> None:
        session.execute(insert(Item), [{"name": "x", "number": 1}, {"name": "y", "number": 2}])
        assert session.scalars(insert(Item).returning(Item.name), [{"name": "z"}, {"name": "w"}]).all() == ["z", "w"]
        assert session.execute(update(Item).values(number=9).where(Item.number > 0)).rowcount == 2  # type: ignore[attr-defined]
        assert session.scalar(select(Item.number).where(Item.name.in_(["x"]))) == 9
        assert session.scalar(select(text("CAST('{\"a\": [1]}' AS jsonb)")).execution_options()) == {"a": [1]}
        assert session.scalar(text("SELECT CAST(:given AS json)").bindparams(given=None)) is None
        assert session.scalar(select(Item.name).with_for_update(skip_locked=True).order_by(Item.name)) == "w"
        item = session.get_one(Item, "x")
        item.number = 10
        session.refresh(session.merge(item))
        session.delete(session.get_one(Item, "y"))

    consumer.on_sold = work
    consumer.hear("a")
    assert errors(shop) == []
    assert shop.items() == ["w", "x", "z"]


def test_a_handlers_event_has_its_message_for_its_cause(shop: Shop, consumer: Consumer) -> None:
    def tell(event: Sold, session: Session) -> None:
        session.add(Item(name=event.name))
        shop.publish(session, event.name)

    consumer.on_sold = tell
    consumer.hear("a", "b")
    assert shop.written() == [("a", 1), ("b", 1)]
    headers = [header for (header,) in shop.rows("SELECT header FROM outbox ORDER BY id")]
    assert all(b"causation_id" in header for header in headers)
    assert shop.rows("SELECT DISTINCT target FROM outbox") == [("shop.events",)]


def test_what_is_published_in_a_savepoint_is_dropped_with_it(shop: Shop, consumer: Consumer) -> None:
    def tell_twice(session: Session, name: str) -> None:
        shop.publish(session, "dropped")
        session.execute(insert(Item).values(name=name))

    def tell(event: Sold, session: Session) -> None:
        shop.publish(session, event.name, 1)
        session.add(Item(name=event.name))
        with pytest.raises(IntegrityError), session.begin_nested():
            tell_twice(session, event.name)
        with session.begin_nested():
            shop.publish(session, event.name, 2)

    consumer.on_sold = tell
    consumer.hear("a", "b")
    assert errors(shop) == []
    assert shop.written() == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_savepoint_that_is_open_at_the_end_is_released(shop: Shop, consumer: Consumer) -> None:
    def handle(event: Sold, session: Session) -> None:
        session.begin_nested()
        session.begin_nested()
        session.add(Item(name=event.name))
        shop.publish(session, event.name)

    consumer.on_sold = handle
    consumer.hear("a", "b")
    assert (shop.items(), shop.written()) == (["a", "b"], [("a", 1), ("b", 1)])


def test_the_error_of_a_statement_says_where_in_the_handler_it_was(shop: Shop, consumer: Consumer) -> None:
    def handle(event: Sold, session: Session) -> None:
        session.execute(text("SELECT 1/0"))

    consumer.on_sold = handle
    consumer.hear("a")
    ((error,),) = shop.rows("SELECT error FROM parked_message")
    assert error.startswith("DivisionByZero: division by zero")
    assert Path(__file__).name in error


def test_a_message_that_fails_leaves_nothing_and_others_are_applied(shop: Shop, consumer: Consumer) -> None:
    def tell(event: Sold, session: Session) -> None:
        session.add(Item(name=event.name))
        shop.publish(session, event.name)
        if event.name == "b":
            session.flush()
            raise RuntimeError("the handler has a bug")

    consumer.on_sold = tell
    consumer.hear("a", "b", "c")
    assert (shop.items(), shop.written()) == (["a", "c"], [("a", 1), ("c", 1)])
    assert errors(shop) == ["RuntimeError: the handler has a bug"]
    consumer.on_sold = add
    consumer.retry()
    assert shop.items() == ["a", "b", "c"]


def test_an_error_of_the_flush_at_the_end_is_the_messages(shop: Shop, consumer: Consumer) -> None:
    consumer.on_sold = lambda _event, session: session.add(Item(name="same"))
    consumer.hear("a", "b")
    assert shop.items() == ["same"]
    assert [error.partition(":")[0] for error in errors(shop)] == ["UniqueViolation"]


def test_a_command_is_handled_in_a_session(shop: Shop, consumer: Consumer) -> None:
    def reserve(command: Reserve, session: Session) -> Outcome:
        if command.name == "none":
            return Refused("there is none")
        session.add(Item(name=command.name))
        return None

    consumer.on_reserve = reserve
    consumer.be_asked("a", "none", "b")
    assert shop.items() == ["a", "b"]
    assert shop.rows("SELECT outcome, count(*) FROM saga_outcome GROUP BY 1 ORDER BY 1") == [
        ("done", 2), ("refused", 1)
    ]  # fmt: skip
    assert len(shop.rows("SELECT FROM outbox WHERE target = 'shop.to.admission'")) == 3


def test_an_outbox_of_another_service_is_refused(shop: Shop, consumer: Consumer) -> None:
    consumer.on_sold = lambda _event, session: Outbox("kitchen").publish(session, Counted(counter="a", number=1))
    consumer.hear("a")
    (error,) = errors(shop)
    assert "publishes as shop, and cannot as kitchen" in error


def test_code_that_publishes_is_the_same_in_a_request_and_in_a_handler(shop: Shop, consumer: Consumer) -> None:
    def place_order(session: Session, name: str) -> None:
        session.add(Item(name=name))
        shop.publish(session, name)

    with sessionmaker(shop.engine).begin() as session:
        place_order(session, "by hand")
    consumer.on_sold = lambda event, session: place_order(session, event.name)
    consumer.hear("by message")
    assert (shop.items(), shop.written()) == (["by hand", "by message"], [("by hand", 1), ("by message", 1)])


def test_notices_are_listened_to_once(shop: Shop, consumer: Consumer) -> None:
    consumer.on_sold = add
    for name in "abcdef":
        consumer.hear(name)
    connection: Any = consumer.store._connection
    assert len(connection._notice_handlers) <= 1
