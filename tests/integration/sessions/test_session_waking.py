"""A Session's commit wakes the relay: from a thread that starts, ends and starts again by itself."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from infirmary.sqlalchemy import Outbox, waking
from tests.eventually import eventually
from tests.integration.sessions.app import Shop

Relay = psycopg.Connection[Any]


@pytest.fixture
def relay(shop: Shop) -> Iterator[Relay]:
    """Somebody who listens as a relay does."""
    shop.outbox = Outbox("shop")
    with psycopg.connect(shop.database_url, autocommit=True) as connection:
        connection.execute("LISTEN outbox")
        yield connection


def is_woken(relay: Relay, within_s: float = 10.0) -> bool:
    return next(relay.notifies(timeout=within_s, stop_after=1), None) is not None


def publish(shop: Shop) -> None:
    with Session(shop.engine) as session, session.begin():
        shop.publish(session, "a")


def notifiers(shop: Shop) -> int:
    return len(shop.rows("SELECT FROM pg_stat_activity WHERE application_name = 'shop/notifier'"))


def test_a_commit_with_messages_wakes_the_relay(shop: Shop, relay: Relay) -> None:
    publish(shop)
    assert is_woken(relay)


def test_no_other_end_of_a_transaction_wakes_it(shop: Shop, relay: Relay) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        session.rollback()
        with session.begin_nested():
            shop.publish(session, "a")
        session.rollback()
        session.commit()
    assert notifiers(shop) == 0
    assert not is_woken(relay, within_s=0.1)


def test_an_outbox_that_leaves_it_to_polling_opens_no_connection(shop: Shop, relay: Relay) -> None:
    shop.outbox = Outbox("shop", wake_relay=False)
    publish(shop)
    assert notifiers(shop) == 0
    assert not is_woken(relay, within_s=0.1)


def test_the_thread_ends_when_nobody_publishes_and_starts_again(
    shop: Shop, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking, "_IDLE_S", 0.05)
    for _ in range(3):
        publish(shop)
        assert is_woken(relay)
        eventually(lambda: notifiers(shop) == 0, because="nobody publishes any more")


def test_the_threads_connection_is_none_of_the_pools(shop: Shop, relay: Relay) -> None:
    engine = create_engine(shop.engine.url, pool_size=1, max_overflow=0, pool_timeout=10)
    for _ in range(3):
        with Session(engine) as session, session.begin():
            shop.publish(session, "a")
    assert is_woken(relay)
    assert notifiers(shop) == 1
    with engine.connect():
        assert notifiers(shop) == 1
    engine.dispose()


def test_engines_with_options_of_their_own_have_one_thread(shop: Shop, relay: Relay) -> None:
    for number in range(5):
        with Session(shop.engine.execution_options(logging_token=str(number))) as session, session.begin():
            shop.publish(session, "a")
        assert is_woken(relay)
    assert notifiers(shop) == 1


def test_a_pool_without_a_connection_to_spare_costs_the_app_nothing(shop: Shop, relay: Relay) -> None:
    shop.rows("SELECT FROM outbox")
    engine = create_engine(shop.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.2)
    with Session(engine) as session:
        for number in range(3):
            shop.publish(session, "a", number)
            session.flush()
            session.commit()
            session.connection()
    assert shop.written() == [("a", 1), ("a", 2), ("a", 3)]
    engine.dispose()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_of_the_process_has_a_thread_of_its_own(shop: Shop, relay: Relay) -> None:
    shop.engine.dispose()
    shop.engine = create_engine(shop.engine.url, poolclass=NullPool)
    publish(shop)
    assert is_woken(relay)
    forked = os.fork()
    if forked == 0:
        try:
            publish(shop)
            signal.pause()
        finally:
            os._exit(1)
    try:
        assert is_woken(relay)
        assert notifiers(shop) == 2
        publish(shop)
        assert is_woken(relay)
    finally:
        os.kill(forked, signal.SIGKILL)
        os.waitpid(forked, 0)
