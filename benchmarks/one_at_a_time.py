"""The relay that most people write: SKIP LOCKED, kombu, one confirm at a time, delete."""

import time
from typing import Any

import psycopg
from kombu.connection import Connection
from psycopg.rows import dict_row

BATCH_ROWS = 100
POLL_S = 0.02
_NEXT = "SELECT * FROM outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"


def relay_one_at_a_time(database_url: str, rabbitmq_url: str, stop_when_empty: bool = True) -> float:
    """Empties the outbox and returns the messages a second."""
    count, started_at = 0, time.perf_counter()
    with (
        psycopg.connect(database_url, row_factory=dict_row) as session,
        Connection(rabbitmq_url, transport_options={"confirm_publish": True}) as broker,
    ):
        producer = broker.Producer()
        while True:
            rows = session.execute(_NEXT, (BATCH_ROWS,)).fetchall()
            for row in rows:
                _publish(producer, row)
            session.execute("DELETE FROM outbox WHERE id = ANY(%s)", ([row["id"] for row in rows],))
            session.commit()
            count += len(rows)
            if not rows and stop_when_empty:
                return count / (time.perf_counter() - started_at)
            if not rows:
                time.sleep(POLL_S)


def _publish(producer: Any, row: dict[str, Any]) -> None:
    producer.publish(
        row["body"],
        routing_key=row["target"],
        exchange="",
        mandatory=True,
        delivery_mode=2,
        content_type="application/json",
        content_encoding="binary",
        message_id=str(row["message_id"]),
        type=row["type"],
        app_id="prescription",
        headers={"subject": row["subject"], "sequence": row["sequence"], "time": row["created_at"].isoformat()},
    )
