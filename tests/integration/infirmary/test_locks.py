"""What somebody else holds in the service's database keeps the message waiting that meets it, and no other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from infirmary.identifiers import new_id
from infirmary.postgres.database import is_transient
from infirmary.postgres.locks import PUT_OFF
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Add, Faults, TakeAway

AT_ONCE_S = 1.5
"""Less than a session waits for a lock, and enough for a slow machine."""


@contextmanager
def somebody(counting: Counting, holds: LiteralString, *values: object) -> Iterator[None]:
    """Holds in an open transaction what a statement locks."""
    with psycopg.connect(counting.settings.as_owner().database_url) as other:
        other.execute(holds, values)
        yield
        other.rollback()


@contextmanager
def counter_in_use(counting: Counting, counter: object) -> Iterator[None]:
    """Makes whoever counts for a counter wait for somebody else who does so."""
    counting.database.execute("CREATE UNIQUE INDEX ON told (counter, number)")
    with somebody(counting, "INSERT INTO told (counter, number) VALUES (%s, 1), (%s, -1)", str(counter), str(counter)):
        yield


def settle(counting: Counting, channel: str) -> None:
    """Tries what is held until nothing more comes of it."""
    counting.database.execute("UPDATE parked_message SET retry_at = now() WHERE error IS NOT NULL")
    while counting.retry(channel):
        pass


def test_a_command_that_meets_a_lock_is_put_off_and_everything_else_flows_on(counting: Counting) -> None:
    locked, first, second = new_id(), new_id(), new_id()
    with counter_in_use(counting, locked):
        counting.take(
            counting.asked(Add, locked, 1), counting.asked(Add, locked, 1, attempt=2), counting.asked(Add, first, 5)
        )
        assert counting.numbers(first) == [5]
        assert [(error or "").partition(":")[0] for _, _, error in counting.held()] == [PUT_OFF, ""]
        begun = time.monotonic()
        counting.take(counting.asked(Add, second, 6), counting.asked(Add, locked, 1, attempt=3))
        settle(counting, COMMANDS)
        assert time.monotonic() - begun < AT_ONCE_S
        assert counting.numbers(second) == [6]
        assert counting.rows("SELECT max(attempts), max(retry_at) < now() + interval '1 hour' FROM parked_message") == [
            (1, True)
        ]
    settle(counting, COMMANDS)
    assert (counting.held(), counting.numbers(locked)) == ([], [1])


def test_an_event_that_meets_a_lock_is_put_off_with_those_of_its_subject(counting: Counting) -> None:
    with counter_in_use(counting, "a"):
        counting.read(counting.told("a", 1), counting.told("a", 2), counting.told("b", 1))
        assert (counting.numbers("a"), counting.numbers("b")) == ([], [1])
        begun = time.monotonic()
        settle(counting, LOG)
        counting.read(counting.told("a", 3), counting.told("b", 2))
        assert time.monotonic() - begun < AT_ONCE_S
        assert counting.numbers("b") == [1, 2]
    settle(counting, LOG)
    assert (counting.held(), counting.numbers("a")) == ([], [1, 2, 3])


@pytest.mark.parametrize("state", ["55P03", "57014"])
def test_one_message_that_waits_in_vain_is_put_off(counting: Counting, state: str) -> None:
    counting.read(counting.told("a", 1, fault=state), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert [(subject, error.startswith(PUT_OFF)) for subject, _, error in counting.held()] == [("a", True)]


def test_a_database_on_which_everything_takes_too_long_has_the_whole_batch_again(counting: Counting) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled) as error:
        counting.read(counting.told("a", 1, fault="57014"), counting.told("b", 1, fault="57014"))
    assert is_transient(error.value)
    assert counting.held() == []


@pytest.mark.parametrize("channel", [LOG, COMMANDS])
def test_held_messages_that_somebody_looks_after_are_left_alone(
    counting: Counting, faults: Faults, channel: str
) -> None:
    broken, other = new_id(), new_id()
    faults.broken.update((str(broken), "a"))
    counting.take(counting.asked(Add, broken, 1), counting.asked(Add, broken, 1, attempt=2))
    counting.read(counting.told("a", 1), counting.told("a", 2))
    counting.database.execute("UPDATE parked_message SET retry_at = now()")
    faults.broken.clear()
    with somebody(counting, "SELECT FROM parked_message FOR UPDATE"):
        begun = time.monotonic()
        assert counting.retry(channel) == 0
        counting.read(counting.told("b", 1))
        counting.take(counting.asked(Add, other, 5))
        assert time.monotonic() - begun < AT_ONCE_S
    settle(counting, channel)
    assert (counting.numbers(broken), counting.numbers("a")) == (([1], []) if channel == COMMANDS else ([], [1, 2]))


def test_a_command_waits_for_nobody_who_looks_after_the_one_behind_it(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 1), counting.asked(Add, saga_id, 1, attempt=2))
    faults.broken.clear()
    counting.database.execute("UPDATE parked_message SET retry_at = now() WHERE error IS NOT NULL")
    with somebody(counting, "SELECT FROM parked_message WHERE error IS NULL FOR UPDATE"):
        assert counting.retry(COMMANDS) == 1
        assert counting.numbers(saga_id) == [1]
    settle(counting, COMMANDS)
    assert (counting.held(), counting.numbers(saga_id)) == ([], [1])


def test_a_compensation_whose_command_somebody_looks_after_keeps_nobody_waiting(
    counting: Counting, faults: Faults
) -> None:
    saga_id, other = new_id(), new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 1))
    with somebody(counting, "SELECT FROM parked_message FOR UPDATE"):
        counting.take(counting.asked(TakeAway, saga_id, 1, undo=True), counting.asked(Add, other, 5))
        assert counting.numbers(other) == [5]
    counting.take(counting.asked(TakeAway, saga_id, 1, undo=True, attempt=2))
    settle(counting, COMMANDS)
    assert counting.held() == []
