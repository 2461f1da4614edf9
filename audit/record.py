"""Reads the record of access in audit's database: what is on it, and whether its chain holds."""

from typing import Final

from audit.addresses import Address
from audit.database_state import postgres_session
from audit.facts import Record

KEEPER: Final = "audit"
"""The service that keeps it."""

_DONE: Final = """
WITH known AS MATERIALIZED (
    SELECT patient_id, CASE WHEN pg_input_is_valid(record, 'jsonb') THEN record::jsonb END AS said FROM audit_events
)
SELECT said ->> 'service', {by}, count(*) FROM known
WHERE said ->> 'method' = '{method}' AND said ->> 'status' LIKE '2__' AND {by} IS NOT NULL
GROUP BY 1, 2
"""
_CHANGES: Final = _DONE.format(method="POST", by="patient_id")
_ANSWERS: Final = _DONE.format(method="GET", by="said ->> 'correlation_id'")
_BROKEN: Final = """
WITH links AS (
    SELECT position, hash, record, access_id, patient_id,
           CASE WHEN pg_input_is_valid(record, 'jsonb') THEN record::jsonb END AS said,
           lag(position, 1, 0::bigint) OVER along AS place_before,
           lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER along AS hash_before
    FROM audit_events
    WHERE position BETWEEN 1 AND coalesce((SELECT position FROM audit_head), 9223372036854775807)
    WINDOW along AS (ORDER BY position)
), ends AS (
    SELECT coalesce(max(position), 0) AS last FROM links
)
SELECT coalesce(
    (SELECT min(place_before + 1) FROM links
     WHERE position <> place_before + 1 OR hash <> sha256(hash_before || convert_to(record, 'UTF8'))
        OR (access_id::text, patient_id::text) IS DISTINCT FROM (said ->> 'access_id', said ->> 'person')),
    (SELECT last + 1 FROM ends, audit_head AS head WHERE last <> head.position),
    (SELECT last FROM ends, audit_head AS head JOIN audit_events USING (position) WHERE head.hash <> audit_events.hash),
    (SELECT last + 1 FROM ends WHERE NOT EXISTS (SELECT FROM audit_head)),
    (SELECT min(position) FROM audit_events WHERE position < 1 OR position > (SELECT position FROM audit_head))
)
"""
"""The first place that does not hold, then the end that the chain should have, then what is outside of it."""


def read_record(address: Address) -> Record:
    """Reads the record, all of it.

    Args:
        address: Of its keeper, whose database's URL is known.

    Raises:
        psycopg.Error: The database is away, does not let us look, or keeps no record.
    """
    with postgres_session(address) as session:
        made = {(service, patient): count for service, patient, count in session.execute(_CHANGES)}
        shown = {(service, cause): count for service, cause, count in session.execute(_ANSWERS)}
        broken = session.execute(_BROKEN).fetchone()
    return Record(made, shown, None if broken is None else broken[0])
