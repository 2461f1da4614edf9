"""A heap of messages that fail keeps nobody waiting for long, and is worked off once the fault is gone."""

import math
import time

from infirmary.identifiers import least_id_of, new_id
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Add, Faults

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


def test_those_that_have_waited_for_longest_are_tried_first(counting: Counting, faults: Faults) -> None:
    poison(counting, faults, 50)
    for _ in range(6):
        counting.retry(COMMANDS, 10, math.inf)
    assert counting.rows("SELECT count(*), max(attempts) FROM parked_message WHERE attempts > 1") == [(51, 10)]


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
    assert counting.store.forget_old([COMMANDS], 1000) == {"log_sequence": 2, "outbox_sequence": 1, "answered": 0}
    kept = counting.rows("SELECT subject FROM outbox_sequence ORDER BY subject")
    assert kept == [(f"counting.to.admission {saga_id}",) for saga_id in sagas[1:]]
