"""The messages of a Session share the fate of what it has written: transactions, savepoints, errors."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, insert
from sqlalchemy.exc import DBAPIError, InvalidRequestError, PendingRollbackError
from sqlalchemy.orm import Session, sessionmaker

from infirmary.tracing.causation import causation_of
from infirmary_streams.received import received
from tests.integration.infirmary.messages import Counted
from tests.integration.sessions.app import Item, Shop


class Spoilt(RuntimeError):
    """What the app fails with."""


def publish_and_fail(shop: Shop, session: Session) -> None:
    shop.publish(session, "a", 2)
    with session.begin_nested():
        shop.publish(session, "b")
    raise Spoilt


def test_a_row_and_its_message_are_committed_together(shop: Shop) -> None:
    with Session(shop.engine) as session:
        session.add(Item(name="a"))
        shop.publish(session, "a")
        assert (shop.items(), shop.written()) == ([], [])
        session.commit()
    assert (shop.items(), shop.written()) == (["a"], [("a", 1)])


@pytest.mark.parametrize("give_up", [Session.rollback, Session.close, Session.reset, Session.invalidate])
def test_nothing_is_written_when_the_session_gives_up(shop: Shop, give_up: Callable[[Session], None]) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        give_up(session)
        session.commit()
        shop.publish(session, "b")
        session.commit()
    assert shop.written() == [("b", 1)]


def test_a_transaction_without_anything_else_is_one_nevertheless(shop: Shop) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a")
        assert session.in_transaction()
        session.rollback()
        session.commit()
    assert shop.written() == []


def test_a_session_is_used_again_after_its_commit(shop: Shop) -> None:
    with Session(shop.engine) as session:
        for number in range(1, 4):
            shop.publish(session, "a", number)
            session.commit()
    assert shop.written() == [("a", 1), ("a", 2), ("a", 3)]


def test_several_messages_are_numbered_in_the_order_in_which_they_were_published(shop: Shop) -> None:
    with Session(shop.engine) as session, session.begin():
        for number, counter in enumerate("abacab"):
            shop.publish(session, counter, number)
    assert shop.written() == [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3), ("b", 2)]
    for sequence, header in shop.rows("SELECT sequence, header FROM outbox"):
        assert received(header).properties["application_headers"]["sequence"] == sequence


def test_all_messages_of_a_transaction_are_one_statement_that_sqlalchemy_sees(shop: Shop) -> None:
    seen: list[str] = []
    event.listen(shop.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    with Session(shop.engine) as session, session.begin():
        session.add(Item(name="a"))
        shop.publish(session, "a")
        with session.begin_nested():
            shop.publish(session, "b")
    assert ["INTO outbox " in statement for statement in seen[-2:]] == [False, True]
    assert len([statement for statement in seen if "INTO outbox " in statement]) == 1


def test_a_begin_block_that_fails_writes_nothing(shop: Shop) -> None:
    with pytest.raises(Spoilt), sessionmaker(shop.engine).begin() as session:
        publish_and_fail(shop, session)
    assert shop.written() == []


def test_without_autobegin_a_transaction_is_begun_by_hand(shop: Shop) -> None:
    with Session(shop.engine, autobegin=False) as session:
        with pytest.raises(InvalidRequestError, match="Autobegin is disabled"):
            shop.publish(session, "a")
        with session.begin():
            shop.publish(session, "b")
    assert shop.written() == [("b", 1)]


def test_a_savepoint_that_is_rolled_back_takes_its_messages_with_it(shop: Shop) -> None:
    with Session(shop.engine) as session:
        shop.publish(session, "a", 1)
        with pytest.raises(Spoilt), session.begin_nested():
            publish_and_fail(shop, session)
        with session.begin_nested():
            shop.publish(session, "a", 3)
        session.commit()
    assert shop.written() == [("a", 1), ("a", 2)]
    assert [re.findall(rb'"number":\d', body)[0] for (body,) in shop.rows("SELECT body FROM outbox ORDER BY id")] == [
        b'"number":1',
        b'"number":3',
    ]


def test_a_savepoint_that_is_released_loses_its_messages_with_the_transaction(shop: Shop) -> None:
    with Session(shop.engine) as session:
        with session.begin_nested():
            shop.publish(session, "a")
        session.rollback()
        session.commit()
    assert shop.written() == []


def test_a_commit_releases_the_savepoints_that_are_open(shop: Shop) -> None:
    with Session(shop.engine) as session:
        whole = session.begin()
        shop.publish(session, "a")
        session.begin_nested()
        session.begin_nested()
        shop.publish(session, "b")
        whole.commit()
        shop.publish(session, "c")
        session.begin_nested()
        shop.publish(session, "d")
        session.commit()
    assert shop.written() == [("a", 1), ("b", 1), ("c", 1), ("d", 1)]


def test_an_error_of_a_flush_in_a_savepoint_leaves_what_is_around_it(shop: Shop) -> None:
    with Session(shop.engine) as session:
        session.execute(insert(Item).values(name="a"))
        shop.publish(session, "a")
        nested = session.begin_nested()
        shop.publish(session, "b")
        session.add(Item(name="a"))
        with pytest.raises(DBAPIError):
            session.flush()
        nested.rollback()
        session.commit()
    assert (shop.items(), shop.written()) == (["a"], [("a", 1)])


def test_after_an_error_of_a_flush_a_session_publishes_nothing_before_its_rollback(shop: Shop) -> None:
    with Session(shop.engine) as session:
        session.execute(insert(Item).values(name="a"))
        session.add(Item(name="a"))
        with pytest.raises(DBAPIError):
            session.flush()
        with pytest.raises(PendingRollbackError):
            shop.publish(session, "a")
        session.rollback()
        shop.publish(session, "b")
        session.commit()
    assert shop.written() == [("b", 1)]


def test_bulk_operations_and_core_statements_go_with_the_message(shop: Shop) -> None:
    with Session(shop.engine) as session, session.begin():
        session.execute(insert(Item), [{"name": "a"}, {"name": "b"}])
        session.bulk_insert_mappings(Item.__mapper__, [{"name": "c", "number": 1}])
        shop.publish(session, "a")
    assert (shop.items(), shop.written()) == (["a", "b", "c"], [("a", 1)])


def test_the_messages_of_a_transaction_have_one_cause(shop: Shop) -> None:
    with Session(shop.engine) as session:
        for _ in range(2):
            shop.publish(session, "a")
            with session.begin_nested():
                shop.publish(session, "b")
            session.commit()
        cause = causation_of("the-request", "its-id", None)
        shop.outbox.publish(session, Counted(counter="c", number=1), cause=cause)
        session.commit()
    uuid = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}")
    correlations = [set(uuid.findall(header)) for (header,) in shop.rows("SELECT header FROM outbox ORDER BY id")]
    assert correlations[0] & correlations[1]
    assert correlations[2] & correlations[3]
    assert not correlations[1] & correlations[2]
    assert b"the-request" in shop.rows("SELECT header FROM outbox ORDER BY id DESC LIMIT 1")[0][0]


def test_sessions_at_once_leave_no_gap_and_number_in_the_order_of_their_commits(shop: Shop) -> None:
    def write(number: int) -> None:
        with Session(shop.engine) as session, session.begin():
            session.add(Item(name=str(number)))
            shop.publish(session, f"c{number % 3}", number)
            with session.begin_nested():
                shop.publish(session, f"c{(number + 1) % 3}", number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(60)))
    for counter in ("c0", "c1", "c2"):
        assert [last for subject, last in shop.written() if subject == counter] == list(range(1, 41))
