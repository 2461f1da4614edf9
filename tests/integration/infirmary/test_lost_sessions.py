"""A session that is lost in the middle of a transaction is known as lost, whatever was under way on it."""

from threading import Timer
from typing import Any

import psycopg
import pytest

from infirmary.postgres.database import connect, is_transient
from infirmary.postgres.transaction import transaction
from infirmary.tracing.causation import causation_of
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import Counted


@pytest.mark.parametrize("pipelined", [True, False])
@pytest.mark.parametrize("asks", [True, False])
def test_a_transaction_whose_session_is_ended_fails_as_one_to_be_tried_again(
    counting: Counting, pipelined: bool, asks: bool
) -> None:
    with connect(counting.settings, "counting/test") as connection:
        with pytest.raises(psycopg.Error) as lost:
            _lose_the_session(counting, connection, pipelined, asks)
        assert is_transient(lost.value)
        assert connection.closed
    assert counting.rows("SELECT FROM told") == []


def _lose_the_session(counting: Counting, connection: psycopg.Connection[Any], pipelined: bool, asks: bool) -> None:
    end = Timer(0.3, lambda: counting.rows("SELECT FROM pg_terminate_backend(%s)", connection.info.backend_pid))
    with transaction(connection, "counting", causation_of(None, None, None), pipelined) as tx:
        tx.publish(Counted(counter="a", number=1))
        tx.execute("INSERT INTO told (counter, number) VALUES ('a', 1)")
        end.start()
        if asks:
            tx.value("SELECT pg_sleep(1)")
        else:
            tx.execute("SELECT pg_sleep(1)")


def test_a_connection_on_which_even_the_rollback_fails_is_closed_and_the_first_error_counts(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen when PostgreSQL was restarted with a pipeline under way: the connection was neither closed nor usable."""

    def rollback() -> None:
        raise psycopg.OperationalError("sending query failed: cannot exit pipeline mode while busy")

    with connect(counting.settings, "counting/test") as connection:
        monkeypatch.setattr(connection, "rollback", rollback)
        with pytest.raises(psycopg.errors.DivisionByZero):
            _divide_by_zero(connection)
        assert connection.closed


def _divide_by_zero(connection: psycopg.Connection[Any]) -> None:
    with transaction(connection, "counting", causation_of(None, None, None)) as tx:
        tx.value("SELECT 1 / 0")
