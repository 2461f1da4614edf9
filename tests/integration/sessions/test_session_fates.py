"""A message shares the fate of its row, and what comes after a COMMIT spoils nothing, where an adversary has looked."""

import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import StaticPool, create_engine, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from infirmary.sqlalchemy import Outbox
from tests.eventually import eventually
from tests.integration.sessions.app import Item, Shop
from tests.integration.sessions.consumer import Consumer, Sold, errors


def test_a_session_that_never_commits_says_nothing_when_its_connection_does(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        session = Session(connection)
        session.add(Item(name="a"))
        shop.publish(session, "a")
    assert (shop.items(), shop.written()) == ([], [])


def test_one_of_two_sessions_on_a_connection_commits_its_own_messages(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        one, other = Session(connection), Session(connection)
        other.add(Item(name="other"))
        shop.publish(other, "other")
        one.add(Item(name="one"))
        shop.publish(one, "one")
        one.commit()
        connection.commit()
    assert (shop.items(), shop.written()) == (["one"], [("one", 1)])


def test_what_is_published_at_the_end_of_a_transaction_belongs_to_the_next(shop: Shop) -> None:
    class Listened(Session):
        """A Session whose listeners were there before the outbox's."""

    left = ["next"]

    @event.listens_for(Listened, "after_transaction_end")
    def publish_once(session: Session, transaction: Any) -> None:
        if transaction.parent is None and left:
            shop.publish(session, left.pop())

    with Listened(shop.engine) as session:
        shop.publish(session, "first")
        session.commit()
        session.commit()
    assert shop.written() == [("first", 1), ("next", 1)]


def test_a_commit_is_done_where_no_thread_can_start(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    shop.outbox = Outbox("shop")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        session.commit()
        shop.publish(session, "a")
        session.commit()
    assert shop.written() == [("a", 1), ("a", 2)]


def test_waking_takes_no_connection_from_those_who_work(shop: Shop) -> None:
    shop.outbox = Outbox("shop")
    url = shop.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=StaticPool)
    with psycopg.connect(shop.database_url, autocommit=True) as relay:
        relay.execute("LISTEN outbox")
        with Session(engine) as session:
            shop.publish(session, "a")
            session.commit()
            session.add(Item(name="kept"))
            session.flush()
            assert next(relay.notifies(timeout=10, stop_after=1), None) is not None
            shop.publish(session, "b")
            session.commit()
    engine.dispose()
    assert (shop.items(), shop.written()) == (["kept"], [("a", 1), ("b", 1)])
    eventually(lambda: shop.rows("SELECT FROM pg_stat_activity WHERE state LIKE 'idle in%'") == [], because="all ended")


def test_who_listens_for_the_commit_of_any_session_is_heard_in_a_handler(shop: Shop, consumer: Consumer) -> None:
    def tell(session: Session) -> None:
        for item in session.new:
            shop.publish(session, item.name)

    event.listen(Session, "before_commit", tell)
    try:
        consumer.on_sold = lambda sold, session: session.add(Item(name=sold.name))
        consumer.hear("a", "b")
    finally:
        event.remove(Session, "before_commit", tell)
    assert (shop.items(), shop.written(), errors(shop)) == (["a", "b"], [("a", 1), ("b", 1)], [])


def test_a_constraint_that_is_checked_at_the_commit_fails_one_message(shop: Shop, consumer: Consumer) -> None:
    shop.database.execute("ALTER TABLE item ADD UNIQUE (number) DEFERRABLE INITIALLY DEFERRED")

    def add(event: Sold, session: Session) -> None:
        session.add(Item(name=event.name, number=0 if event.name in "ac" else ord(event.name)))

    consumer.on_sold = add
    consumer.hear("a", "b", "c", "d")
    assert shop.items() == ["a", "b", "d"]
    assert [error.partition(":")[0] for error in errors(shop)] == ["UniqueViolation"]


def test_a_session_that_outlives_its_handler_can_do_nothing(shop: Shop, consumer: Consumer) -> None:
    kept: list[Session] = []
    consumer.on_sold = lambda _event, session: kept.append(session)
    consumer.hear("a")
    with pytest.raises(InvalidRequestError, match="closed"):
        kept[0].add(Item(name="late"))
    assert shop.items() == []
