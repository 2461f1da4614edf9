"""A heap of messages that fail keeps nobody waiting for long, and is worked off once the fault is gone."""

import logging
import math
import time

import pytest
from psycopg import sql

from infirmary.identifiers import least_id_of, new_id
from infirmary.postgres.migrate import migrate
from tests.integration.infirmary.conftest import COMMANDS, LOG, Add, Counting, Faults

HEAP = 15_000

_FILL = """
INSERT INTO parked_message (channel, source, subject, sequence, message_id, type, properties, body, error, attempts,
                            retry_at)
SELECT p.channel, p.source, p.subject || n, p.sequence, gen_random_uuid(), p.type, p.properties, p.body, p.error, 9,
       now()
FROM parked_message p, generate_series(1, %s) AS n
"""


def poison(counting: Counting, faults: Faults, heap: int) -> None:
    """Parks a command that fails, and so many more like it that are due."""
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 5))
    counting.database.execute("UPDATE parked_message SET retry_at = now()")
    counting.database.execute(_FILL, (heap,))
    counting.database.execute("ANALYZE parked_message")
    counting.store.tend()


def failures(counting: Counting) -> int:
    ((failed,),) = counting.rows("SELECT sum(attempts) FROM parked_message")
    return int(failed)


def test_beside_new_work_a_few_are_tried_and_the_time_is_bounded(counting: Counting, faults: Faults) -> None:
    poison(counting, faults, HEAP)
    before = failures(counting)
    counting.retry(COMMANDS, 2, math.inf)
    assert failures(counting) == before + 2
    counting.retry(COMMANDS, 100, time.monotonic())
    assert failures(counting) == before + 3
    saga_id = new_id()
    counting.take(counting.asked(Add, saga_id, 7))
    assert counting.numbers(saga_id) == [7]


def test_those_that_have_waited_for_longest_are_tried_first(counting: Counting, faults: Faults) -> None:
    poison(counting, faults, 50)
    for _ in range(6):
        counting.retry(COMMANDS, 10, math.inf)
    assert counting.rows("SELECT count(*), max(attempts) FROM parked_message WHERE attempts > 1") == [(51, 10)]


def test_one_that_has_just_failed_waits_for_no_heap_nor_does_the_one_behind_it(
    counting: Counting, faults: Faults
) -> None:
    poison(counting, faults, HEAP)
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(counting.asked(Add, saga_id, 7), counting.asked(Add, saga_id, 7, attempt=2))
    counting.database.execute("UPDATE parked_message SET retry_at = now() WHERE subject = %s", (str(saga_id),))
    counting.database.execute("UPDATE parked_message SET attempts = 2 WHERE attempts = 1 AND id = 1")
    faults.broken.remove(str(saga_id))
    assert sum(counting.retry(COMMANDS, 2, time.monotonic()) for _ in range(2)) == 2
    assert counting.numbers(saga_id) == [7]
    assert counting.rows("SELECT FROM parked_message WHERE subject = %s", str(saga_id)) == []


def test_an_event_that_has_just_failed_waits_for_no_heap(counting: Counting, faults: Faults) -> None:
    faults.broken.update(("a", "b"))
    counting.read(counting.told("a", 1))
    counting.database.execute(_FILL, (HEAP,))
    counting.database.execute("UPDATE parked_message SET attempts = 9, retry_at = now(), channel = %s", (LOG,))
    counting.read(counting.told("b", 1), counting.told("b", 2))
    counting.database.execute("UPDATE parked_message SET retry_at = now()")
    faults.broken.remove("b")
    assert counting.retry(LOG, 2, time.monotonic()) > 0
    counting.retry(LOG, 2, time.monotonic())
    assert counting.numbers("b") == [1, 2]


def test_those_that_have_failed_least_are_found_by_an_index(counting: Counting, faults: Faults) -> None:
    poison(counting, faults, HEAP)
    counting.database.execute("VACUUM ANALYZE parked_message")
    plan = counting.rows(
        """EXPLAIN SELECT id FROM parked_message WHERE channel = 'admission.to.counting' AND attempts > 0
           AND retry_at <= statement_timestamp() ORDER BY attempts, retry_at LIMIT 100"""
    )
    assert "parked_message_failed_least" in str(plan)


def test_what_is_due_is_found_by_an_index(counting: Counting, faults: Faults) -> None:
    poison(counting, faults, HEAP)
    counting.database.execute("UPDATE parked_message SET retry_at = now() + interval '1 hour' WHERE id > 3")
    counting.database.execute("VACUUM ANALYZE parked_message")
    plan = counting.rows(
        """EXPLAIN SELECT * FROM parked_message WHERE channel = 'admission.to.counting'
           AND retry_at <= statement_timestamp() ORDER BY retry_at LIMIT 200"""
    )
    assert "parked_message_due" in str(plan)


def test_commands_behind_a_parked_one_follow_it_at_once(counting: Counting, faults: Faults) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    counting.take(*(counting.asked(Add, saga_id, 5, attempt=attempt) for attempt in range(1, 6)))
    assert [error is None for _, _, error in counting.held()] == [False, True, True, True, True]
    faults.broken.clear()
    assert counting.retry_now(COMMANDS)
    while counting.retry(COMMANDS):
        pass
    assert (counting.held(), counting.numbers(saga_id)) == ([], [5])


def test_an_event_that_others_wait_for_wakes_them_however_long_they_were_put_off(counting: Counting) -> None:
    counting.read(counting.told("a", 2), counting.told("a", 3))
    counting.database.execute("UPDATE parked_message SET retry_at = now() + interval '10 minutes'")
    counting.read(counting.told("a", 1))
    while counting.retry(LOG):
        pass
    assert counting.numbers("a") == [1, 2, 3]


def test_a_parked_message_tells_once_where_it_failed(
    counting: Counting, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    saga_id = new_id()
    faults.broken.add(str(saga_id))
    with caplog.at_level(logging.ERROR):
        counting.take(counting.asked(Add, saga_id, 5))
        counting.retry_now(COMMANDS)
        counting.retry_now(COMMANDS)
    told = [record for record in caplog.records if "is parked" in record.getMessage()]
    assert ["in add" in vars(record)["traceback"] for record in told] == [True]
    ((error,),) = counting.rows("SELECT error FROM parked_message")
    sentence, _, calls = error.partition("\n")
    assert sentence == f"Unlucky: {saga_id}"
    assert "in add" in calls


def test_an_error_with_text_that_no_database_takes_is_kept(counting: Counting, faults: Faults) -> None:
    body = b'{"counter": "a\\u0000b", "number": 1, "fault": null}'
    counting.read(counting.told("a", 1, body=body), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert len(counting.held()) == 1


def test_a_body_that_is_longer_than_allowed_is_parked_with_its_place_and_can_be_discarded(counting: Counting) -> None:
    body = b'{"counter": "a", "number": 1, "more": "' + b"x" * 1_048_576 + b'"}'
    counting.read(counting.told("a", 1, body=body), counting.told("a", 2), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert [(subject, sequence) for subject, sequence, _ in counting.held()] == [("a", 1), ("a", 2)]
    assert "MESSAGE_MAX_BYTES (1048576)" in counting.held()[0][2]
    huge = b'"' + b"x" * 9_000_000 + b'"'
    counting.read(counting.told("c", 1, body=huge))
    counting.retry_now(LOG)
    ((kept, error),) = counting.rows("SELECT length(body), error FROM parked_message WHERE subject = 'c'")
    assert kept == 8 * 1024 * 1024
    assert "only the first 8388608" in error


def test_a_sequence_near_the_end_of_all_numbers_stops_nobody(counting: Counting) -> None:
    counting.read(counting.told("a", 1, 2**62), counting.told("b", 1), counting.told("c", 1, 2**63 - 1))
    counting.retry(LOG)
    assert counting.numbers("b") == [1]


def test_old_sagas_are_forgotten_batch_by_batch_and_nobody_waits_for_them(counting: Counting) -> None:
    old, young = least_id_of(time.time() - 31 * 86_400), new_id()
    counting.database.execute(
        """INSERT INTO log_sequence SELECT %(log)s, left(%(old)s, 24) || lpad(n::text, 12, '0'), 1
           FROM generate_series(1, 1500) AS n
           UNION ALL SELECT %(log)s, %(young)s, 1 UNION ALL SELECT 'ward', %(old)s, 1
           UNION ALL SELECT %(log)s, '00000000-0000-4000-8000-000000000000', 1""",
        {"log": COMMANDS, "old": str(old), "young": str(young)},
    )
    with counting.transaction() as other:
        held = other.connection.execute(
            "SELECT FROM log_sequence WHERE source = %s ORDER BY subject OFFSET 1 LIMIT 3 FOR UPDATE", (COMMANDS,)
        )
        assert len(held.fetchall()) == 3
        assert counting.store.forget_old([LOG, COMMANDS], 1000)["log_sequence"] == 1000
        assert counting.store.forget_old([LOG, COMMANDS], 1000)["log_sequence"] == 497
    assert counting.store.forget_old([LOG, COMMANDS], 1000)["log_sequence"] == 3
    left = counting.rows("SELECT subject FROM log_sequence WHERE source = %s ORDER BY subject", COMMANDS)
    assert left == [("00000000-0000-4000-8000-000000000000",), (str(young),)], "who knows how old another one is"
    assert counting.rows("SELECT count(*) FROM log_sequence WHERE source = 'ward'") == [(1,)]


def test_a_writer_remembers_a_saga_for_twice_as_long_as_its_readers(counting: Counting) -> None:
    sagas = [least_id_of(time.time() - days * 86_400) for days in (61, 59, 0)]
    for saga_id in sagas:
        counting.take(counting.asked(Add, saga_id, 5))
    assert counting.store.forget_old([COMMANDS], 1000) == {"log_sequence": 2, "outbox_sequence": 1}
    kept = counting.rows("SELECT subject FROM outbox_sequence ORDER BY subject")
    assert kept == [(f"counting.to.admission {saga_id}",) for saga_id in sagas[1:]]


@pytest.mark.parametrize("index", ["parked_message_due", "parked_message_failed_least"])
def test_a_database_of_an_earlier_release_gets_the_index(counting: Counting, index: str) -> None:
    counting.database.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
    for _ in range(2):
        migrate("patient", counting.settings)
        assert counting.rows("SELECT to_regclass(%s) IS NOT NULL", index) == [(True,)]
