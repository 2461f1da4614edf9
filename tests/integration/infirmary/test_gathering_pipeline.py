"""A transaction's statements are sent together, and mean the same whether a cursor of psycopg runs them or nobody."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import pytest

from infirmary.postgres.psycopg_internals import gathering_pipeline
from infirmary.postgres.session import BoundedConnection, connect
from infirmary.postgres.transaction import Transaction, transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from tests.eventually import eventually
from tests.integration.conftest import EmptyDatabase

_INSERT: LiteralString = "INSERT INTO told VALUES (%(number)s, %(note)s)"
_PREPARED_AFTER = 3


@dataclass(frozen=True)
class Told:
    number: int
    note: str | None


@pytest.fixture
def settings(empty_database: EmptyDatabase) -> Settings:
    return empty_database()


@pytest.fixture
def watcher(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def connection(settings: Settings) -> Iterator[BoundedConnection]:
    with connect(settings, "nobody/test") as opened:
        opened.execute("CREATE TABLE told (number bigint PRIMARY KEY, note text)")
        yield opened


def begin(connection: psycopg.Connection[Any]) -> Any:
    return transaction(connection, "nobody", causation_of(None, None, None))


def tell(tx: Transaction, *numbers: int) -> None:
    for number in numbers:
        tx.execute(_INSERT, number=number, note=f"100 % {number}")


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Runs the statements until psycopg has prepared them."""
    for number in range(_PREPARED_AFTER):
        with begin(connection) as tx:
            tell(tx, -1 - number)
            tx.value("SELECT count(*) FROM told")


def numbers(connection: psycopg.Connection[Any]) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM told WHERE number > 0 ORDER BY 1")]


def is_begun(connection: psycopg.Connection[Any], watcher: psycopg.Connection) -> bool:
    """Says whether the server knows of the connection's transaction."""
    begun = "SELECT FROM pg_stat_activity WHERE pid = %s AND xact_start IS NOT NULL"
    return watcher.execute(begun, (connection.info.backend_pid,)).fetchone() is not None


def test_nothing_is_sent_before_an_answer_is_asked_for(
    connection: BoundedConnection, watcher: psycopg.Connection
) -> None:
    prepare(connection)
    with begin(connection) as tx:
        tell(tx, 1, 2)
        assert not is_begun(connection, watcher)
        tx.value("SELECT 1")
        assert is_begun(connection, watcher)
    assert numbers(connection) == [1, 2]


def test_many_statements_do_not_wait_for_the_end(connection: BoundedConnection, watcher: psycopg.Connection) -> None:
    prepare(connection)
    with begin(connection) as tx:
        tell(tx, *range(1, 40))
        eventually(lambda: is_begun(connection, watcher), because="the first of them were sent")
    assert numbers(connection) == list(range(1, 40))


def test_the_first_answer_is_like_the_later_ones(connection: BoundedConnection) -> None:
    for _ in range(2 * _PREPARED_AFTER):
        with begin(connection) as tx:
            tx.execute("DELETE FROM told")
            tell(tx, 1, 2)
            rows = tx.many(Told, "SELECT number, note FROM told ORDER BY number")
            one = tx.one(Told, "SELECT * FROM told WHERE number = %(number)s", number=2)
            nobody = tx.one(Told, "SELECT * FROM told WHERE number = %(number)s", number=3)
            value, none = tx.value("SELECT 7 %% 4"), tx.value("SELECT 1 WHERE false")
        assert rows == [Told(1, "100 % 1"), Told(2, "100 % 2")]
        assert (one, nobody, value, none) == (Told(2, "100 % 2"), None, 3, None)


def test_statements_of_cursors_and_of_the_pipeline_keep_their_order(connection: BoundedConnection) -> None:
    prepare(connection)
    with begin(connection) as tx:
        tell(tx, 1)
        new = tx.connection.execute("UPDATE told SET number = 2 WHERE number = 1 RETURNING note")
        tell(tx, 1)
        assert tx.value("SELECT count(*) FROM told WHERE number > 0") == 2
        assert new.fetchone() == ("100 % 1",)
    assert numbers(connection) == [1, 2]


def test_a_type_that_was_not_seen_before_is_as_good_as_the_others(connection: BoundedConnection) -> None:
    prepare(connection)
    with begin(connection) as tx:
        tx.execute(_INSERT, number=2**40, note=None)
    assert numbers(connection) == [2**40]


def tell_twice(connection: psycopg.Connection[Any], asks: bool) -> None:
    with begin(connection) as tx:
        tell(tx, 1, 1)
        if asks:
            tx.value("SELECT count(*) FROM told")


@pytest.mark.parametrize("asks", [True, False])
def test_a_prepared_statement_that_fails_raises_its_own_error_and_undoes_all(
    connection: BoundedConnection, asks: bool
) -> None:
    prepare(connection)
    with pytest.raises(psycopg.errors.UniqueViolation):
        tell_twice(connection, asks)
    assert numbers(connection) == []
    with begin(connection) as tx:
        tell(tx, 1)
    assert numbers(connection) == [1]


def test_a_value_that_is_missing_is_named_also_when_the_statement_is_prepared(connection: BoundedConnection) -> None:
    prepare(connection)
    with pytest.raises(psycopg.ProgrammingError, match="note"), begin(connection) as tx:
        tx.execute(_INSERT, number=1)


def test_no_number_of_statements_and_answers_is_too_much(connection: BoundedConnection) -> None:
    prepare(connection)
    with begin(connection) as tx:
        for _ in range(_PREPARED_AFTER):
            tx.value("SELECT repeat('x', %(length)s)", length=10)
        answers = [tx.connection.execute("SELECT repeat('x', 20000)") for _ in range(500)]
        tell(tx, *range(1, 2000))
        assert {len(answer.fetchall()[0][0]) for answer in answers} == {20000}
    assert len(numbers(connection)) == 1999


def test_a_cursor_runs_a_statement_only_until_it_is_prepared_for_its_types(connection: BoundedConnection) -> None:
    prepare(connection)
    with gathering_pipeline(connection) as pipeline:
        assert pipeline.run(_INSERT, {"number": 1, "note": "x"})
        assert not pipeline.run(_INSERT, {"number": 2**40, "note": "x"})
    assert numbers(connection) == [1]
