"""The ceiling of a relay's database side: PostgreSQL's fetch and delete, and nothing done with the rows."""

import time

import psycopg

BATCH_ROWS = 500
_NEXT = """
WITH deleted AS (DELETE FROM outbox WHERE id = ANY(%(fetched)s::bigint[]))
SELECT id, target, subject, message_id, header, body FROM outbox WHERE id > %(floor)s ORDER BY id LIMIT %(rows)s
"""


def fetch_and_delete(database_url: str) -> float:
    """Empties the outbox by one session, a batch a round trip, and returns the rows a second."""
    with psycopg.connect(database_url, autocommit=True, options="-c synchronous_commit=off") as session:
        session.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off")
        fetched: list[int] = []
        floor = count = 0
        started_at = time.perf_counter()
        while True:
            asked = {"fetched": fetched, "floor": floor, "rows": BATCH_ROWS}
            rows = session.execute(_NEXT, asked, prepare=True, binary=True).fetchall()
            if not rows and not fetched:
                return count / (time.perf_counter() - started_at)
            fetched = [row[0] for row in rows]
            floor, count = (fetched[-1] if fetched else floor), count + len(rows)
