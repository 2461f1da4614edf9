"""The SQL of the PostgreSQL source, each statement named for what it does."""

from functools import cache

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
SET jit = off;
LISTEN outbox
"""

COLUMNS = """
SELECT attname, attrelid::regclass::text FROM pg_attribute
WHERE attrelid IN (to_regclass('outbox'), to_regclass('outbox_relay')) AND attnum > 0 AND NOT attisdropped
"""

IDENTITY = "SELECT 'outbox'::regclass::oid::bigint, pg_backend_pid()"

BEAT = """
WITH mine AS (
    INSERT INTO outbox_relay (relay_id, backend_pid) VALUES (%(relay_id)s, %(backend_pid)s)
    ON CONFLICT (relay_id) DO UPDATE SET backend_pid = EXCLUDED.backend_pid, seen_at = clock_timestamp()
)
SELECT relay_id::text, seen_at > clock_timestamp() - make_interval(secs => %(silent_s)s) AS fresh,
       pid IS NOT NULL AS lives
FROM outbox_relay LEFT JOIN pg_stat_get_activity(backend_pid) ON application_name = %(name)s || relay_id::text
WHERE relay_id <> %(relay_id)s
"""

EVICT = """
WITH silent AS (DELETE FROM outbox_relay WHERE relay_id = %(relay_id)s RETURNING backend_pid, relay_id)
SELECT pg_terminate_backend(pid)
FROM silent, pg_stat_get_activity(backend_pid) WHERE application_name = %(name)s || relay_id::text
"""

END_OWN_PREDECESSORS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %(name)s || %(relay_id)s::text AND datname = current_database() AND pid <> pg_backend_pid()
"""

LEAVE = "DELETE FROM outbox_relay WHERE relay_id = %(relay_id)s"

TAKE = "SELECT p FROM unnest(%(partitions)s::int[]) p WHERE pg_try_advisory_lock(%(key)s, p)"

LET_GO = "SELECT pg_advisory_unlock(%(key)s, p) FROM unnest(%(partitions)s::int[]) p"

WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = %(outbox)s::bigint::oid AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid IS DISTINCT FROM pg_backend_pid()
"""

BODIES = """
SELECT id, body
FROM (SELECT id, body, sum(octet_length(body)) OVER (ORDER BY id) AS bytes FROM outbox WHERE id = ANY(%(ids)s)) measured
WHERE bytes <= %(batch_bytes)s OR id = %(first)s
ORDER BY id
"""

BACKLOG = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
FROM (SELECT created_at FROM outbox WHERE id > %(floor)s ORDER BY id LIMIT %(limit)s) waiting
"""

DELETE = "DELETE FROM outbox WHERE id = ANY(%(confirmed)s)"

_NEXT = """
SELECT id, target, subject, message_id, header,
       CASE WHEN octet_length(body) <= %(inline_bytes)s THEN body END,
       CASE WHEN header IS NULL
            THEN json_build_object('type', type, 'sequence', sequence, 'created_at', created_at)
       END
FROM outbox
WHERE id > %(floor)s AND NOT id <@ %(in_flight)s
"""


ANY_ABOVE = "SELECT EXISTS (SELECT FROM outbox WHERE id > $1)"


@cache
def fetch(*, deleting: bool, sharing: bool, blocked_subjects: bool, blocked_targets: bool) -> str:
    """Returns the statement that reads the next rows from the floor, and deletes the confirmed in the same round trip.

    It always reads from the floor and never from where it last stopped: a row with a lower number may be committed
    after one with a higher number was read, and the next of its subject must not overtake it.
    """
    return "".join(
        (
            f"WITH deleted AS ({DELETE})" if deleting else "",
            _NEXT,
            "  AND partition = ANY(%(partitions)s::smallint[])\n" if sharing else "",
            "  AND subject <> ALL(%(subjects)s::text[])\n" if blocked_subjects else "",
            "  AND target <> ALL(%(targets)s::text[])\n" if blocked_targets else "",
            "ORDER BY id LIMIT %(rows)s",
        )
    )
