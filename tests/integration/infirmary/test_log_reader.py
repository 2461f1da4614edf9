"""Events of a log: applied once, in order, together with the offset."""

import psycopg
import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.store import ReaderReplaced
from infirmary.identifiers import new_id
from tests.eventually import eventually
from tests.integration.infirmary.conftest import LOG, Counting, Faults


def test_events_are_applied_in_order_and_tell_others(counting: Counting) -> None:
    counting.read(counting.told("a", 1), counting.told("b", 1), counting.told("a", 2))
    assert counting.numbers("a") == [1, 2]
    assert counting.rows("SELECT subject, sequence FROM outbox ORDER BY id") == [("a", 1), ("b", 1), ("a", 2)]
    assert counting.rows("SELECT last_offset FROM log_reader WHERE log = %s", LOG) == [(2,)]


def test_an_event_that_comes_twice_is_applied_once(counting: Counting) -> None:
    message_id = new_id()
    counting.read(counting.told("a", 1, message_id=message_id), counting.told("a", 1, message_id=message_id))
    counting.read(counting.told("a", 1, message_id=message_id), counting.told("a", 2))
    assert counting.numbers("a") == [1, 2]
    assert counting.held() == []


def test_an_event_that_comes_early_waits_for_those_before_it(counting: Counting) -> None:
    counting.read(counting.told("a", 3), counting.told("a", 2), counting.told("b", 1))
    assert counting.numbers("a") == []
    assert counting.numbers("b") == [1]
    assert [(subject, sequence) for subject, sequence, _ in counting.held()] == [("a", 3), ("a", 2)]
    counting.read(counting.told("a", 1))
    while counting.retry(LOG):
        pass
    assert counting.numbers("a") == [1, 2, 3]
    assert counting.held() == []


def test_what_is_missing_is_counted_until_it_comes(counting: Counting, faults: Faults) -> None:
    faults.broken.add("b")
    assert counting.store.positions.own(LOG)
    assert missing() == 0
    counting.read(counting.told("a", 1), counting.told("a", 3), counting.told("a", 6), counting.told("b", 1))
    counting.read(counting.told("b", 2))
    counting.retry(LOG)
    assert missing() == 3, "2, 4 and 5 of one subject; of the other all have come, although none can be applied"
    counting.read(counting.told("a", 5), counting.told("a", 2), counting.told("a", 4))
    while counting.retry(LOG):
        pass
    assert missing() == 0


def missing() -> float | None:
    return REGISTRY.get_sample_value("infirmary_messages_missing", {"channel": LOG})


def test_an_early_event_that_comes_again_waits_once(counting: Counting) -> None:
    message_id = new_id()
    counting.read(counting.told("a", 2, message_id=message_id), counting.told("a", 2, message_id=message_id))
    assert len(counting.held()) == 1


def test_a_failing_event_is_parked_with_those_behind_it_and_nothing_else(counting: Counting, faults: Faults) -> None:
    faults.broken.add("a")
    counting.read(counting.told("a", 1), counting.told("b", 1), counting.told("a", 2), counting.told("b", 2))
    assert counting.numbers("b") == [1, 2]
    assert [(subject, sequence, bool(error)) for subject, sequence, error in counting.held()] == [
        ("a", 1, True),
        ("a", 2, False),
    ]
    assert "Unlucky" in counting.held()[0][2]
    assert counting.rows("SELECT DISTINCT subject FROM outbox") == [("b",)]


def test_parked_events_are_applied_in_order_once_the_fault_is_gone(counting: Counting, faults: Faults) -> None:
    faults.broken.add("a")
    counting.read(counting.told("a", 1), counting.told("a", 2))
    assert not counting.retry_now(LOG)
    assert counting.rows("SELECT attempts FROM parked_message WHERE error IS NOT NULL") == [(2,)]
    faults.broken.clear()
    while counting.retry_now(LOG):
        pass
    counting.read(counting.told("a", 3))
    assert counting.numbers("a") == [1, 2, 3]
    assert counting.held() == []


def test_an_event_whose_own_message_is_refused_does_not_use_up_its_sequence(counting: Counting) -> None:
    counting.database.execute("ALTER TABLE outbox ADD CONSTRAINT picky CHECK (subject <> 'a')")
    counting.read(counting.told("a", 1), counting.told("b", 1))
    counting.database.execute("ALTER TABLE outbox DROP CONSTRAINT picky")
    assert (counting.numbers("a"), counting.numbers("b")) == ([], [1])
    assert counting.retry_now(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1], [])


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53100", "57P01"])
def test_a_fault_that_passes_rolls_the_whole_batch_back_and_parks_nothing(counting: Counting, state: str) -> None:
    good, bad = counting.told("a", 1), counting.told("b", 1, fault=state)
    with pytest.raises(psycopg.Error) as caught:
        counting.read(good, bad)
    assert counting.store.is_transient(caught.value)
    assert counting.numbers("a") == []
    assert counting.held() == []
    assert counting.rows("SELECT last_offset FROM log_reader WHERE log = %s", LOG) == [(None,)]


def test_any_other_database_error_parks_the_event(counting: Counting) -> None:
    counting.read(counting.told("a", 1, fault="23514"), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert counting.held()[0][0] == "a"


def test_rubbish_is_parked_and_disturbs_nothing(counting: Counting) -> None:
    real = counting.told("a", 1)
    counting.read(counting.rubbish(), counting.rubbish(message_id="no uuid"), counting.told("a", 1, body=b"{}"), real)
    assert counting.numbers("a") == [1]
    assert [subject for subject, _, _ in counting.held()] == [None, None, "a"]
    assert "Told.counter: Field required" in counting.held()[2][2]


def test_rubbish_of_a_type_that_nobody_handles_does_not_use_up_a_sequence(counting: Counting) -> None:
    strange = counting.told("a", 1, body=b"not json")
    strange.properties["type"] = "SomethingElse"
    counting.read(strange, counting.told("a", 1))
    assert counting.numbers("a") == [1]


def test_an_event_that_claims_another_source_is_parked(counting: Counting) -> None:
    counting.read(counting.told("a", 1, source="lab"), counting.told("a", 1))
    assert counting.numbers("a") == [1]
    assert "must have source ward" in counting.held()[0][2]


def test_a_reader_that_was_replaced_cannot_commit(counting: Counting) -> None:
    old = counting.position
    counting.read(counting.told("a", 1))
    with pytest.raises(ReaderReplaced):
        counting.applier.apply(LOG, [counting.told("b", 1)], old)
    assert counting.numbers("b") == []


def test_a_log_has_one_reader_at_a_time_and_the_next_takes_over(counting: Counting) -> None:
    assert counting.store.positions.own(LOG)
    second = counting.open_store()
    assert not second.positions.own(LOG)
    counting.store.close()
    eventually(lambda: second.positions.own(LOG), because="the lock ends with the session")
    second.close()
