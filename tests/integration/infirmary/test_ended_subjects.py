"""A writer forgets the last number of a subject that has ended when no reader knows it, and nothing of it can come."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from infirmary.identifiers import new_id
from infirmary.postgres.ended_subjects import EndedSubjects
from infirmary.postgres.transaction import Transaction
from infirmary.transport.log_names import events_of
from infirmary_streams.received import received
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import Closed, Counted, Unlucky

SERVICE, DAYS, DAY_S = "counting", 30, 86_400.0
A, B, GOES_ON, ENDS = sorted(str(new_id()) for _ in range(4))

Forget = Callable[[float, float], None]


@pytest.fixture
def forget(counting: Counting) -> Forget:
    """Lets housekeeping make a pass so many days from now, when the log has lost what was written before others."""
    counting.database.execute("INSERT INTO outbox_log VALUES (%s)", (events_of(SERVICE),))

    def after(days: float, log_lost_days: float) -> None:
        began = time.time() + log_lost_days * DAY_S
        ended = EndedSubjects(
            counting.database,
            SERVICE,
            DAYS,
            lambda logs: dict.fromkeys(logs, began),
            lambda: time.time() + days * DAY_S,
        )
        while ended.some():
            pass

    return after


def count(counting: Counting, counter: str, *numbers: int) -> None:
    for number in numbers:
        with counting.transaction() as tx:
            tx.publish(Counted(counter=counter, number=number))


def close(counting: Counting, counter: str) -> None:
    with counting.transaction() as tx:
        tx.publish(Closed(counter=counter))


def published(counting: Counting) -> None:
    counting.database.execute("DELETE FROM outbox")


def given_out(counting: Counting) -> dict[str, int]:
    return dict(counting.rows("SELECT subject, last FROM outbox_sequence"))


def test_what_has_ended_is_forgotten_behind_every_reader(counting: Counting, forget: Forget) -> None:
    count(counting, A, 1, 2)
    close(counting, A)
    count(counting, B, 1)
    published(counting)
    forget(2 * DAYS - 1, DAYS + 1)
    assert given_out(counting) == {A: 3, B: 1}, "a reader may know it still"
    forget(2 * DAYS + 1, DAYS - 1)
    assert given_out(counting) == {A: 3, B: 1}, "its log may bring it still"
    forget(2 * DAYS + 1, DAYS + 1)
    assert given_out(counting) == {B: 1}
    assert counting.rows("SELECT FROM ended_subject") == []


def test_nothing_is_forgotten_that_may_wait_in_the_outbox(counting: Counting, forget: Forget) -> None:
    count(counting, B, 1)
    close(counting, A)
    counting.database.execute("DELETE FROM outbox WHERE subject = %s", (A,))
    forget(2 * DAYS + 1, DAYS + 1)
    assert given_out(counting) == {A: 1, B: 1}
    published(counting)
    forget(2 * DAYS + 1, DAYS + 1)
    assert given_out(counting) == {B: 1}


def test_an_event_after_the_end_counts_on_and_the_end_counts_no_more(counting: Counting, forget: Forget) -> None:
    close(counting, A)
    count(counting, A, 2)
    published(counting)
    forget(2 * DAYS + 1, DAYS + 1)
    assert given_out(counting) == {A: 2}
    close(counting, A)
    published(counting)
    forget(2 * DAYS + 1, DAYS + 1)
    assert given_out(counting) == {}


def test_a_transaction_ends_what_its_last_event_ends(counting: Counting) -> None:
    with counting.transaction() as tx:
        tx.publish(Closed(counter=GOES_ON))
        tx.publish(Counted(counter=GOES_ON, number=2))
        tx.publish(Counted(counter=ENDS, number=1))
        tx.publish(Closed(counter=ENDS))
    with pytest.raises(Unlucky), counting.transaction() as tx:
        _close_and_fail(tx)
    assert counting.rows("SELECT source, subject, last FROM ended_subject") == [(events_of(SERVICE), ENDS, 2)]


def test_the_header_says_that_an_event_ends_its_subject(counting: Counting) -> None:
    count(counting, A, 1)
    close(counting, A)
    headers = [
        received(header).properties["application_headers"]
        for (header,) in counting.rows("SELECT header FROM outbox ORDER BY id")
    ]
    assert [each.get("ends") for each in headers] == [None, 1]


def test_what_has_no_time_in_its_id_is_never_forgotten(counting: Counting) -> None:
    close(counting, "a")
    ((header,),) = counting.rows("SELECT header FROM outbox")
    assert "ends" not in received(header).properties["application_headers"], "nor does a reader forget it"
    assert counting.rows("SELECT FROM ended_subject") == []


def test_one_that_is_given_a_number_at_this_moment_is_not_forgotten(counting: Counting, forget: Forget) -> None:
    close(counting, A)
    published(counting)
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid = %s)"
    pid = counting.database.info.backend_pid
    with ThreadPoolExecutor(1) as pool, psycopg.connect(counting.settings.database_url) as writer:
        writer.execute("UPDATE outbox_sequence SET last = 2 WHERE subject = %s", (A,))
        forgetting = pool.submit(forget, 2 * DAYS + 1, DAYS + 1)
        eventually(lambda: writer.execute(waits, (pid,)).fetchone() == (True,), because="it waits for the writer")
        writer.commit()
        forgetting.result()
    assert given_out(counting) == {A: 2}


def _close_and_fail(tx: Transaction) -> None:
    tx.publish(Closed(counter=GOES_ON))
    raise Unlucky("the handler has a bug")
