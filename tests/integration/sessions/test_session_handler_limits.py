"""A handler can neither end the transaction of its batch, nor undo it, nor go on after an error."""

from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.integration.sessions.app import Item, Shop
from tests.integration.sessions.consumer import Consumer, Sold, errors


def add(event: Sold, session: Session) -> None:
    session.add(Item(name=event.name))


def swallow(statement: Callable[[Session], object]) -> Callable[[Sold, Session], None]:
    def handle(event: Sold, session: Session) -> None:
        session.add(Item(name=f"before {event.name}"))
        session.flush()
        if event.name == "b":
            with pytest.raises(DBAPIError):
                statement(session)
        return

    return handle


def fail_in_flush(session: Session) -> None:
    session.add(Item(name="before a"))
    session.flush()


@pytest.mark.parametrize("statement", [fail_in_flush, lambda session: session.execute(text("SELECT 1/0"))])
def test_a_handler_that_goes_on_after_an_error_fails(
    shop: Shop, consumer: Consumer, statement: Callable[[Session], object]
) -> None:
    consumer.on_sold = swallow(statement)
    consumer.hear("a", "b", "c")
    assert shop.items() == ["before a", "before c"]
    (error,) = errors(shop)
    assert "begin_nested" in error


ENDS: list[Callable[[Session], object]] = [
    lambda session: session.commit(),
    lambda session: session.rollback(),
    lambda session: session.close(),
    lambda session: session.begin(),
    lambda session: session.prepare(),
    lambda session: session.reset(),
    lambda session: session.invalidate(),
    lambda session: session.__exit__(None, None, None),
    lambda session: session.connection().rollback(),
    lambda session: session.get_transaction().rollback(),  # type: ignore[union-attr]
]


@pytest.mark.parametrize("end", ENDS)
def test_a_handler_cannot_end_the_transaction(shop: Shop, consumer: Consumer, end: Callable[[Session], object]) -> None:
    def handle(event: Sold, session: Session) -> None:
        session.add(Item(name=event.name))
        session.flush()
        if event.name == "b":
            end(session)

    consumer.on_sold = handle
    consumer.hear("a", "b", "c")
    assert shop.items() == ["a", "c"]
    (error,) = errors(shop)
    assert error.startswith("NotYoursToEnd: ")


@pytest.mark.parametrize(
    "end", [lambda session: session.connection().commit(), lambda session: session.get_transaction().commit()]
)
def test_a_commit_behind_the_sessions_back_commits_nothing(
    shop: Shop, consumer: Consumer, end: Callable[[Session], object]
) -> None:
    def handle(event: Sold, session: Session) -> None:
        session.add(Item(name=event.name))
        session.flush()
        end(session)
        assert shop.items() == []

    consumer.on_sold = handle
    consumer.hear("a", "b")
    assert (shop.items(), errors(shop)) == (["a", "b"], [])


def test_a_deadlock_is_one_that_passes_by_itself(
    shop: Shop, consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[str] = []

    def handle(event: Sold, session: Session) -> None:
        tried.append(event.name)
        if len(tried) == 1:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01'; END $$"))
        session.add(Item(name=event.name))

    consumer.on_sold = handle
    consumer.hear("a")
    assert (tried, shop.items(), errors(shop)) == (["a", "a"], ["a"], [])
    assert "one by one" not in caplog.text


def test_a_session_of_the_server_that_is_lost_is_lost_for_the_batch_only(shop: Shop, consumer: Consumer) -> None:
    def kill(event: Sold, session: Session) -> None:
        session.add(Item(name=event.name))
        session.flush()
        shop.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop/consumer'"
        )
        session.execute(text("SELECT 1"))

    consumer.on_sold = kill
    with pytest.raises(psycopg.OperationalError):
        consumer.hear("a")
    consumer.store.close()
    consumer.open()
    consumer.on_sold = add
    consumer.hear("b")
    assert (shop.items(), errors(shop)) == (["b"], [])
