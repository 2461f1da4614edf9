"""What is published by listeners, and what becomes of messages when a commit fails."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, object_session, sessionmaker

from tests.integration.sessions.app import Item, Shop


class Spoilt(RuntimeError):
    """What a listener fails with."""


def spoil(*_: Any) -> None:
    raise Spoilt


@pytest.mark.parametrize("is_known", [True, False], ids=["after another publish", "as the first of its session"])
def test_what_a_mapper_event_publishes_in_the_flush_of_the_commit_is_written(shop: Shop, is_known: bool) -> None:
    def after_insert(_mapper: Any, _connection: Any, item: Item) -> None:
        session = object_session(item)
        assert session is not None
        shop.publish(session, item.name)

    event.listen(Item, "after_insert", after_insert)
    try:
        with Session(shop.engine) as session:
            if is_known:
                shop.publish(session, "first")
            session.add_all([Item(name="a"), Item(name="b")])
            session.commit()
    finally:
        event.remove(Item, "after_insert", after_insert)
    assert shop.items() == ["a", "b"]
    assert shop.written() == [("first", 1)] * is_known + [("a", 1), ("b", 1)]


@pytest.mark.parametrize("name", ["before_flush", "after_flush", "after_flush_postexec", "before_commit"])
@pytest.mark.parametrize("is_known", [True, False], ids=["after another publish", "as the first of its session"])
@pytest.mark.parametrize("is_late", [True, False], ids=["listening last", "listening first"])
def test_what_an_event_of_the_session_publishes_in_the_commit_is_written(
    shop: Shop, name: str, is_known: bool, is_late: bool
) -> None:
    told: list[str] = []

    def tell(session: Session, *_: Any) -> None:
        if not told:
            told.append(name)
            shop.publish(session, "late")
            session.add(Item(name="late"))

    with sessionmaker(shop.engine)() as session:
        if not is_late:
            event.listen(session, name, tell)
        if is_known:
            shop.publish(session, "first")
        if is_late:
            event.listen(session, name, tell)
        session.add(Item(name="a"))
        session.commit()
    assert (shop.items(), shop.written()) == (["a", "late"], [("first", 1)] * is_known + [("late", 1)])


@pytest.mark.parametrize("name", ["before_commit", "after_flush"])
def test_a_listener_that_fails_leaves_nothing(shop: Shop, name: str) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        session.add(Item(name="a"))
        event.listen(session, name, spoil)
        with pytest.raises(Spoilt):
            session.commit()
        event.remove(session, name, spoil)
        session.rollback()
        shop.publish(session, "b")
        session.commit()
    assert (shop.items(), shop.written()) == ([], [("b", 1)])


def test_a_commit_that_is_tried_again_writes_once(shop: Shop) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        event.listen(session, "before_commit", spoil)
        with pytest.raises(Spoilt):
            session.commit()
        event.remove(session, "before_commit", spoil)
        session.commit()
    assert shop.written() == [("a", 1)]


def test_an_error_of_the_database_at_the_commit_leaves_nothing(shop: Shop) -> None:
    shop.database.execute("ALTER TABLE item ADD UNIQUE (number) DEFERRABLE INITIALLY DEFERRED")
    with Session(shop.engine) as session:
        session.add_all([Item(name="a"), Item(name="b")])
        shop.publish(session, "a")
        with pytest.raises(DBAPIError):
            session.commit()
        session.rollback()
        shop.publish(session, "b")
        session.commit()
    assert (shop.items(), shop.written()) == ([], [("b", 1)])


@pytest.mark.parametrize("is_late", [True, False])
def test_an_outbox_that_cannot_be_written_undoes_the_transaction(shop: Shop, is_late: bool) -> None:
    shop.database.execute("ALTER TABLE outbox RENAME TO away")
    with shop.engine.connect() as connection, Session(connection) as session:
        session.add(Item(name="a"))
        if is_late:
            event.listen(session, "after_flush", lambda session, _: shop.publish(session, "a"))
        else:
            shop.publish(session, "a")
        with pytest.raises(DBAPIError, match="outbox"):
            session.commit()
        session.rollback()
        shop.database.execute("ALTER TABLE away RENAME TO outbox")
        session.execute(text("SELECT 1"))
        session.commit()
    assert (shop.items(), shop.written()) == ([], [])


def test_a_lost_connection_is_one_as_for_any_other_statement(shop: Shop) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        session.execute(text("SELECT 1"))
        shop.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with pytest.raises(DBAPIError) as lost:
            session.commit()
        assert isinstance(lost.value.orig, psycopg.OperationalError)
        assert lost.value.connection_invalidated
        session.rollback()
        shop.publish(session, "b")
        session.commit()
    assert shop.written() == [("b", 1)]
