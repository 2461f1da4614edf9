"""Sessions of all kinds publish: scoped, in two phases, within another transaction; or are told why they cannot."""

import gc
import re
import weakref
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.event import registry
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from infirmary.declaring.declaration import Misdeclared
from infirmary.identifiers import new_id
from infirmary.sqlalchemy import Outbox, publish
from infirmary.transport.envelope import MessageTooLarge
from infirmary.transport.write_options import WriteOptions
from services.ward.messages import BedReleased
from tests.integration.infirmary.messages import Counted, Told
from tests.integration.sessions.app import Item, Shop


@pytest.fixture
def two_phase(shop: Shop) -> None:
    if shop.rows("SHOW max_prepared_transactions") == [("0",)]:
        pytest.skip("this server prepares no transactions")


@pytest.mark.usefixtures("two_phase")
def test_a_prepared_transaction_has_its_messages(shop: Shop) -> None:
    with Session(shop.engine, twophase=True) as session:
        session.add(Item(name="a"))
        shop.publish(session, "a")
        session.prepare()
        assert len(shop.rows("SELECT FROM pg_prepared_xacts")) == 1
        with pytest.raises(InvalidRequestError, match="prepared"):
            shop.publish(session, "b")
        session.commit()
    assert (shop.items(), shop.written()) == (["a"], [("a", 1)])


@pytest.mark.usefixtures("two_phase")
def test_a_prepared_transaction_that_is_rolled_back_has_none(shop: Shop) -> None:
    with Session(shop.engine, twophase=True) as session:
        shop.publish(session, "a")
        session.prepare()
        session.rollback()
        event.listen(session, "after_flush", lambda session, _: shop.publish(session, "late"))
        session.add(Item(name="b"))
        session.commit()
    assert shop.written() == [("late", 1)]
    assert shop.rows("SELECT FROM pg_prepared_xacts") == []


@pytest.mark.parametrize("mode", ["conditional_savepoint", "rollback_only", "create_savepoint", "control_fully"])
@pytest.mark.parametrize("is_late", [True, False])
def test_a_session_within_somebody_elses_transaction_writes_into_that(shop: Shop, mode: Any, is_late: bool) -> None:
    with shop.engine.connect() as connection:
        connection.begin()
        with Session(connection, join_transaction_mode=mode) as session:
            session.add(Item(name="a"))
            if is_late:
                event.listen(session, "after_flush", lambda session, _: shop.publish(session, "a"))
            else:
                shop.publish(session, "a")
            session.commit()
        assert connection.execute(text("SELECT subject FROM outbox")).all() == [("a",)]
        if mode != "control_fully":
            assert shop.written() == []
        connection.commit()
    assert (shop.items(), shop.written()) == (["a"], [("a", 1)])


def test_a_scoped_session_publishes(shop: Shop) -> None:
    sessions = scoped_session(sessionmaker(shop.engine))
    sessions.add(Item(name="a"))
    shop.publish(sessions, "a")
    sessions.commit()
    shop.publish(sessions, "b")
    sessions.remove()
    assert (shop.items(), shop.written()) == (["a"], [("a", 1)])


def test_a_log_in_parts_and_the_largest_message_are_options(shop: Shop) -> None:
    outbox = Outbox("shop", WriteOptions(log_parts=64, message_max_bytes=100), wake_relay=False)
    with Session(shop.engine) as session:
        outbox.publish(session, Counted(counter="a", number=1))
        with pytest.raises(MessageTooLarge):
            outbox.publish(session, Counted(counter="b" * 200, number=1))
        session.commit()
    assert [re.fullmatch(r"shop\.events\.\d+", target) is not None for (target,) in shop.rows(
        "SELECT target FROM outbox"
    )] == [True]  # fmt: skip


def test_what_cannot_be_published_is_refused_where_it_is_published(shop: Shop) -> None:
    with Session(shop.engine) as session:
        with pytest.raises(TypeError, match="is no event"):
            shop.outbox.publish(session, {"counter": "a"})  # type: ignore[arg-type]
        with pytest.raises(Misdeclared, match="reads"):
            shop.outbox.publish(session, Told(counter="a", number=1))
        with pytest.raises(TypeError, match="not Connection"):
            shop.outbox.publish(session.connection(), Counted(counter="a", number=1))  # type: ignore[arg-type]
        shop.publish(session, "a")
        with pytest.raises(ValueError, match="publishes as shop"):
            Outbox("till").publish(session, Counted(counter="a", number=1))
        session.commit()
    assert shop.written() == [("a", 1)]


def test_an_async_session_is_told_what_to_do(shop: Shop) -> None:
    class AsyncSession:
        def run_sync(self) -> None: ...

    with pytest.raises(TypeError, match="await session"):
        shop.outbox.publish(AsyncSession(), Counted(counter="a", number=1))  # type: ignore[arg-type]


def test_another_driver_is_told_what_to_do(shop: Shop) -> None:
    with Session(create_engine("sqlite://")) as session, pytest.raises(TypeError, match=r"postgresql\+psycopg://"):
        shop.publish(session, "a")


def test_autocommit_is_refused(shop: Shop) -> None:
    engine = shop.engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(engine) as session, pytest.raises(ValueError, match="AUTOCOMMIT"):
        shop.publish(session, "a")


def test_a_second_database_is_found_by_what_it_holds(shop: Shop) -> None:
    elsewhere = create_engine("sqlite://")
    with Session(elsewhere, binds={Item: shop.engine}) as session:
        session.add(Item(name="a"))
        shop.outbox.publish(session, Counted(counter="a", number=1), bind_arguments={"mapper": Item})
        session.commit()
    assert (shop.items(), shop.written()) == (["a"], [("a", 1)])


def test_a_session_that_is_gone_leaves_nothing_behind(shop: Shop) -> None:
    def one() -> "weakref.ref[Session]":
        with Session(shop.engine) as session:
            shop.publish(session, "a")
            session.commit()
        return weakref.ref(session)

    one()
    gc.collect()
    known = len(registry._key_to_collection)
    gone = [one() for _ in range(20)]
    gc.collect()
    assert [each() for each in gone] == [None] * 20
    assert len(registry._key_to_collection) <= known + 5


def test_who_speaks_is_told_by_the_package_of_the_event(shop: Shop) -> None:
    admission = new_id()
    with Session(shop.engine) as session:
        publish(session, BedReleased(admission_id=admission, patient_id=new_id(), ward_id="w"))
        session.commit()
    assert shop.rows("SELECT target, type FROM outbox") == [("ward.events", "BedReleased")]
    with Session(shop.engine) as session, pytest.raises(TypeError, match=r'outbox = Outbox\("<service>"\)'):
        publish(session, Counted(counter="a", number=1))
