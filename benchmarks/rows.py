"""Messages as a service writes them: full headers, 256-byte bodies, a thousand aggregates."""

import os
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from benchmarks.version_1 import as_version_1
from infirmary.identifiers import new_id
from infirmary.transport.envelope import partition_of
from infirmary_streams.sections import encoded

AGGREGATES = 1000
BODY_BYTES = 256
WRITER, TYPE = "prescription", "PrescriptionCreated"
"""Whose messages they are: its own relay alone sends them, and to its own logs."""

_PREPARED_ROWS = 100_000
_VERSION = int(os.environ.get("BENCHMARK_HEADER_VERSION", "2"))
"""Of docs/outbox-contract.md: 1 to measure with the headers that the release before wrote."""

PREPARED = """
CREATE UNLOGGED TABLE prepared (
    position integer PRIMARY KEY, partition smallint, message_id uuid, type text, subject text, sequence bigint,
    header bytea, body bytea
)
"""
_FILL = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body)
SELECT partition, message_id, %(target)s, type, subject, sequence, header, body
FROM generate_series(1, %(times)s) turn CROSS JOIN prepared WHERE position < %(rows)s ORDER BY turn, position
"""
_COLUMNS = "position, partition, message_id, type, subject, sequence, header, body"
_TYPES = ["int4", "int2", "uuid", "text", "text", "int8", "bytea", "bytea"]

Prepared = tuple[int, int, uuid.UUID, str, str, int, bytes, bytes]


def messages(count: int, body_bytes: int = BODY_BYTES) -> Iterator[Prepared]:
    """Yields rows of an outbox, the aggregates taking turns, each with its own ids, header and body."""
    subjects = [str(new_id()) for _ in range(AGGREGATES)]
    for position in range(count):
        subject, sequence = subjects[position % AGGREGATES], position // AGGREGATES + 1
        message_id = new_id()
        yield (
            position,
            partition_of(subject),
            message_id,
            TYPE,
            subject,
            sequence,
            _header(subject, message_id, sequence, body_bytes),
            (b'{"aggregate_id": %d, "note": "' % (position % AGGREGATES + 1)).ljust(body_bytes - 2, b"x") + b'"}',
        )


def prepare(session: psycopg.Connection, count: int = _PREPARED_ROWS, body_bytes: int = BODY_BYTES) -> None:
    """Puts messages into the table from which `fill` takes them."""
    session.execute("TRUNCATE prepared")
    with session.cursor().copy(f"COPY prepared ({_COLUMNS}) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(_TYPES)
        for row in messages(count, body_bytes):
            copy.write_row(row)
    session.execute("ANALYZE prepared")


def fill(session: psycopg.Connection, target: str, rows: int) -> None:
    """Empties the outbox and fills it with so many rows."""
    session.execute("TRUNCATE outbox")
    add(session, target, rows)


def add(session: psycopg.Connection, target: str, rows: int) -> None:
    """Appends so many rows to the outbox."""
    (prepared,) = session.execute("SELECT count(*) FROM prepared").fetchone() or (0,)
    times, rest = divmod(rows, prepared)
    session.execute(_FILL, {"target": target, "times": times, "rows": prepared})
    session.execute(_FILL, {"target": target, "times": 1, "rows": rest})


def _header(subject: str, message_id: uuid.UUID, sequence: int, body_bytes: int) -> bytes:
    header = encoded(
        message_id=str(message_id),
        source=WRITER,
        message_type=TYPE,
        subject=subject,
        time=datetime.now(UTC),
        dataschema=f"urn:infirmary:{WRITER}:{TYPE}",
        correlation_id=str(new_id()),
        causation_id=str(new_id()),
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00",
    )
    header += sequence.to_bytes(8, "big")
    return header if _VERSION != 1 else as_version_1(header, body_bytes)
