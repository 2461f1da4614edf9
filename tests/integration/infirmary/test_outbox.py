"""The outbox: written with the state or not at all, numbered without a gap, in the order of the commits."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from infirmary.postgres.transaction import Transaction
from infirmary_streams.received import received
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import Counted, Unlucky


def test_messages_of_a_transaction_that_fails_are_not_written(counting: Counting) -> None:
    with pytest.raises(Unlucky), counting.transaction() as tx:
        _publish_and_fail(tx)
    assert counting.rows("SELECT FROM outbox") == []
    assert counting.rows("SELECT FROM outbox_sequence") == []


def test_the_sequence_stands_in_the_header_as_it_goes_on_the_wire(counting: Counting) -> None:
    for number in range(1, 4):
        with counting.transaction() as tx:
            tx.publish(Counted(counter="a", number=number))
    for sequence, header in counting.rows("SELECT sequence, header FROM outbox ORDER BY id"):
        assert received(header).properties["application_headers"]["sequence"] == sequence


def test_several_events_of_one_subject_in_a_transaction_are_numbered_in_their_order(counting: Counting) -> None:
    with counting.transaction() as tx:
        for number, counter in enumerate("abacab"):
            tx.publish(Counted(counter=counter, number=number))
    assert counting.rows("SELECT subject, sequence FROM outbox ORDER BY id") == [
        ("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3), ("b", 2)
    ]  # fmt: skip


def test_concurrent_writers_leave_no_gap_and_number_in_the_order_of_their_ids(counting: Counting) -> None:
    def write(number: int) -> None:
        with counting.transaction() as tx:
            tx.publish(Counted(counter=f"c{number % 3}", number=number))
            tx.publish(Counted(counter=f"c{(number + 1) % 3}", number=number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(120)))
    for counter in ("c0", "c1", "c2"):
        sequences = counting.rows("SELECT sequence FROM outbox WHERE subject = %s ORDER BY id", counter)
        assert [sequence for (sequence,) in sequences] == list(range(1, 81))


def test_a_savepoint_that_fails_takes_its_messages_with_it(counting: Counting) -> None:
    with counting.transaction() as tx:
        tx.publish(Counted(counter="a", number=1))
        with pytest.raises(Unlucky), tx.savepoint():
            _publish_and_fail(tx)
    assert counting.rows("SELECT sequence FROM outbox") == [(1,)]


def _publish_and_fail(tx: Transaction) -> None:
    tx.publish(Counted(counter="a", number=2))
    raise Unlucky("the handler has a bug")
