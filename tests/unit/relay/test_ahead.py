"""A fetch that was sent ahead gives its rows only to a fetch that asks for the same of the same outbox."""

from typing import Any, cast

import psycopg
import pytest

from infirmary_relay.sources.postgres_ahead import Ahead
from infirmary_relay.sources.postgres_connection import BoundedConnection

TERMS = ("held back", 500, frozenset({1, 2}))
ROWS = [(7,), (8,)]


class Begun:
    """A statement that was sent, and how it ends."""

    def __init__(self, error: psycopg.Error | None) -> None:
        self._error = error

    def hear(self) -> psycopg.Error | None:
        return self._error

    def rows(self) -> list[tuple[Any, ...]]:
        return ROWS


class Connection:
    """A connection on which statements end as they are told to."""

    error: psycopg.Error | None = None

    def begin(self, _statement: str, _asked: dict[str, object]) -> Begun:
        return Begun(self.error)


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def ahead(connection: Connection) -> Ahead:
    return Ahead(cast("BoundedConnection", connection))


def test_nothing_was_asked(ahead: Ahead) -> None:
    assert not ahead.is_asked
    assert ahead.answer(TERMS) is None


def test_the_same_fetch_gets_the_rows_once(ahead: Ahead) -> None:
    ahead.ask("SELECT", {}, TERMS)
    assert ahead.is_asked
    answers = [ahead.answer(TERMS) for _ in range(2)]
    assert [each and each.rows() for each in answers] == [ROWS, None]


@pytest.mark.parametrize(
    "others", [("more is held back", *TERMS[1:]), (TERMS[0], 1, TERMS[2]), (*TERMS[:2], frozenset({1}))]
)
def test_another_fetch_gets_nothing(ahead: Ahead, others: tuple[Any, ...]) -> None:
    ahead.ask("SELECT", {}, TERMS)
    assert ahead.answer(others) is None
    assert not ahead.is_asked


def test_what_was_kept_meanwhile_stands_before_the_rows(ahead: Ahead) -> None:
    ahead.ask("SELECT", {}, TERMS)
    ahead.kept()
    assert ahead.answer(TERMS) is None
    ahead.ask("SELECT", {}, TERMS)
    assert ahead.answer(TERMS) is not None, "it is forgotten with that answer"


def test_a_lock_in_the_way_is_for_the_fetch_itself_to_meet(ahead: Ahead, connection: Connection) -> None:
    connection.error = psycopg.errors.LockNotAvailable()
    ahead.ask("SELECT", {}, TERMS)
    assert ahead.answer(TERMS) is None


def test_a_lost_connection_is_told(ahead: Ahead, connection: Connection) -> None:
    connection.error = psycopg.OperationalError("the server has not answered")
    ahead.ask("SELECT", {}, TERMS)
    with pytest.raises(psycopg.OperationalError, match="not answered"):
        ahead.answer(TERMS)
