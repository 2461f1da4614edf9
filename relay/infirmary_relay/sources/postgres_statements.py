"""The SQL of the PostgreSQL source, each statement named for what it does."""

from functools import cache

from infirmary_relay.message import DIGEST as DIGEST_BEGINS
from infirmary_relay.message import LONGEST_SUBJECT_BYTES

SESSION = """
SET synchronous_commit = off;  -- a delete that is lost in a crash means a message sent twice, and its reader drops it
SET idle_session_timeout = '15s';
SET idle_in_transaction_session_timeout = '5s';
SET tcp_user_timeout = '10s';  -- so that the server, too, gives up a client that is frozen or cut off
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET plan_cache_mode = force_generic_plan;  -- there is one good plan, whatever the table's statistics say just now:
SET enable_seqscan = off;  -- from the floor along the primary key
SET enable_bitmapscan = off;
SET enable_indexscan = on;
SET enable_indexonlyscan = on;
SET enable_hashagg = on;
SET jit = off;
LISTEN outbox
"""

COLUMNS = """
SELECT attname::text, relname::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE attrelid IN (to_regclass('outbox'), to_regclass('outbox_relay')) AND attnum > 0 AND NOT attisdropped
"""

LOGS = "SELECT log::text FROM outbox_log ORDER BY log"

IDENTITY = "SELECT 'outbox'::regclass::oid::bigint, pg_backend_pid()"

TELLS_INCARNATION = """
SELECT to_regclass('incarnation') IS NOT NULL AND to_regclass('outbox_sequence') IS NOT NULL
       AND has_table_privilege(to_regclass('incarnation'), 'SELECT')
       AND has_table_privilege(to_regclass('outbox_sequence'), 'SELECT')
"""

SET_BACK = "SELECT coalesce(set_back_because, '') FROM incarnation WHERE set_back_since IS NOT NULL"

MARK_SET_BACK = """
INSERT INTO incarnation (set_back_since, set_back_because) VALUES (clock_timestamp(), %(because)s)
ON CONFLICT (one) DO UPDATE SET set_back_since = excluded.set_back_since, set_back_because = excluded.set_back_because
WHERE incarnation.set_back_since IS NULL
"""
"""Somebody may have emptied the database, its one row included."""

GIVEN_OUT = "SELECT subject::text, last FROM outbox_sequence WHERE subject = ANY(%(counted)s)"

STILL_WAITING = """
SELECT target::text, subject::text, sequence, message_id
FROM (SELECT target, subject, sequence, message_id, header FROM outbox ORDER BY id LIMIT 100000) oldest
WHERE subject = ANY(%(subjects)s) AND sequence IS NOT NULL
AND coalesce(position(%(state)s::bytea IN header), 0) = 0
"""
"""Bounded: after a long outage of the broker to read all that waits would take longer than an answer may take.

Without what tells state again, which has the number of the message that it stands for: its header has a property
`state`.
"""

DATABASE_IDENTITY = """
SELECT system_identifier || '.' || (SELECT oid FROM pg_database WHERE datname = current_database())
FROM pg_control_system()
"""

PREPARE_LOOK = "PREPARE look (bigint) AS SELECT EXISTS (SELECT FROM outbox WHERE id > $1)"

HEARTBEAT = """
WITH mine AS (
    INSERT INTO outbox_relay (relay_id, backend_pid) VALUES (%(relay_id)s, %(backend_pid)s)
    ON CONFLICT (relay_id) DO UPDATE SET backend_pid = EXCLUDED.backend_pid, seen_at = clock_timestamp()
)
SELECT relay_id::text, seen_at > clock_timestamp() - make_interval(secs => %(silent_s)s) AS fresh,
       pid IS NOT NULL AS lives
FROM outbox_relay LEFT JOIN pg_stat_get_activity(backend_pid) ON application_name = %(name)s || relay_id::text
WHERE relay_id <> %(relay_id)s
"""

TERMINATE = """
WITH silent AS (DELETE FROM outbox_relay WHERE relay_id = %(relay_id)s RETURNING backend_pid, relay_id)
SELECT pg_terminate_backend(pid)
FROM silent, pg_stat_get_activity(backend_pid) WHERE application_name = %(name)s || relay_id::text
"""

END_OWN_PREDECESSORS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %(name)s || %(relay_id)s::text AND datname = current_database() AND pid <> pg_backend_pid()
"""

DEREGISTER = "DELETE FROM outbox_relay WHERE relay_id = %(relay_id)s"

TAKE = "SELECT p FROM unnest(%(partitions)s::int[]) p WHERE pg_try_advisory_lock(%(key)s, p)"

UNLOCK = "SELECT pg_advisory_unlock(%(key)s, p) FROM unnest(%(partitions)s::int[]) p"

_WRITERS = """
WHERE locktype = 'relation' AND relation = %(outbox)s::bigint::oid AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid IS DISTINCT FROM pg_backend_pid()
"""

WRITERS = f"SELECT virtualtransaction FROM pg_locks {_WRITERS}"

OPEN_WRITERS = f"""
SELECT virtualtransaction, date_part('epoch', clock_timestamp() - (
    SELECT xact_start FROM pg_stat_activity WHERE pg_stat_activity.pid = pg_locks.pid))
FROM pg_locks {_WRITERS}
"""

BODIES = """
SELECT id, CASE WHEN fits THEN body END, size
FROM (SELECT id, body, size, fits, sum(CASE WHEN fits THEN size ELSE 0 END) OVER (ORDER BY id) AS bytes
      FROM (SELECT id, body, octet_length(body) AS size, octet_length(body) <= %(message_max_bytes)s AS fits
            FROM outbox WHERE id = ANY(%(ids)s)) each) measured
WHERE bytes <= %(batch_bytes)s OR id = %(first)s
ORDER BY id
"""

PRESENT = "SELECT id FROM outbox WHERE id = ANY(%(ids)s) AND partition = ANY(%(partitions)s::smallint[])"

DIGEST = f"SELECT '{DIGEST_BEGINS}' || md5(subject) FROM outbox WHERE id = %(id)s"

BACKLOG = """
SELECT count(*), coalesce(date_part('epoch', min(created_at) FILTER (WHERE isfinite(created_at))), 0)
FROM (SELECT created_at FROM outbox WHERE id > %(floor)s ORDER BY id LIMIT %(limit)s) waiting
"""

IS_DELIVERABLE = """
SELECT EXISTS (SELECT FROM (SELECT id, partition, target, subject FROM outbox WHERE id > %(floor)s
                            ORDER BY id LIMIT %(limit)s) waiting
               WHERE partition = ANY(%(partitions)s::smallint[]) AND id <> ALL(%(sent)s)
                 AND target <> ALL(%(targets)s::text[]) AND subject NOT IN (SELECT unnest(%(subjects)s::text[]))
                 AND 'row ' || id NOT IN (SELECT unnest(%(subjects)s::text[]))
                 AND (%(digests)s::text[] = '{}' OR md5(subject) <> ALL(%(digests)s::text[])))
"""

DELETE = "DELETE FROM outbox WHERE id = ANY(%(confirmed)s)"

DELETE_AROUND_LOCKS = """
WITH free AS (SELECT id FROM outbox WHERE id = ANY(%(ids)s) FOR UPDATE SKIP LOCKED),
     deleted AS (DELETE FROM outbox WHERE id IN (SELECT id FROM free))
SELECT id FROM outbox WHERE id = ANY(%(ids)s) AND id NOT IN (SELECT id FROM free)
"""

_COLUMNS = f"""
SELECT id, target,
       CASE WHEN octet_length(subject) <= {LONGEST_SUBJECT_BYTES} THEN subject
            ELSE '{DIGEST_BEGINS}' || md5(subject) END,
       message_id, header,
       CASE WHEN octet_length(body) <= %(inline_bytes)s THEN body END,
       date_part('epoch', created_at),
       CASE WHEN header IS NULL OR octet_length(subject) > {LONGEST_SUBJECT_BYTES}
            THEN json_build_object('type', type, 'sequence', sequence, 'created_at', created_at,
                                   'subject_bytes', octet_length(subject))
       END
FROM outbox
"""

ONE = f"{_COLUMNS}WHERE id = %(id)s"

_WAITING = "WHERE id > %(floor)s AND NOT id <@ %(in_flight)s\n"


@cache
def fetch(
    *,
    deleting: bool,
    sharing: bool,
    without_subjects: bool,
    without_targets: bool,
    without_digests: bool = False,
    only_ids: bool = False,
) -> str:
    """The statement that reads the next rows from the floor, and deletes the confirmed in the same round trip.

    It always reads from the floor and never from where it last stopped: a row with a lower number may be committed
    after one with a higher number was read, and the next of its subject must not overtake it.
    """
    return "".join(
        (
            f"WITH deleted AS ({DELETE})" if deleting else "",
            "SELECT id FROM outbox\n" if only_ids else _COLUMNS,
            _WAITING,
            "  AND partition = ANY(%(partitions)s::smallint[])\n" if sharing else "",
            "  AND subject NOT IN (SELECT unnest(%(subjects)s::text[]))\n" if without_subjects else "",
            "  AND md5(subject) <> ALL(%(digests)s::text[])\n" if without_digests else "",
            "  AND target <> ALL(%(targets)s::text[])\n" if without_targets else "",
            "ORDER BY id LIMIT %(rows)s",
        )
    )
