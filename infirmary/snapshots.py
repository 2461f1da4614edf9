"""Snapshots: copies of another service's data, kept from its events, so that no query has to ask that service."""

import time
from typing import LiteralString
from uuid import UUID

from prometheus_client import Histogram

from infirmary.postgres.transaction import Query, Transaction
from infirmary.transport.envelope import unix_time

# The table that a service with patient snapshots creates in its migration.
CREATE_PATIENT_SNAPSHOT = """
CREATE TABLE patient_snapshot (
    patient_id uuid PRIMARY KEY,
    full_name  text NOT NULL,
    version    bigint NOT NULL
) WITH (fillfactor = 80)
"""

# The version guard: an event that comes late must not overwrite what a newer one has written.
_KEEP_NEWEST: LiteralString = """
INSERT INTO patient_snapshot AS known (patient_id, full_name, version) VALUES (%(patient_id)s, %(full_name)s,
%(version)s)
ON CONFLICT (patient_id) DO UPDATE SET full_name = excluded.full_name, version = excluded.version
WHERE known.version < excluded.version
"""


STALENESS = Histogram(
    "infirmary_snapshot_staleness_seconds",
    "How old is a copy of another service's data? Seconds from the event's `time`, when it was written, to the commit"
    " of what it changes in the copy.",
    ["snapshot"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
_STALENESS_OF_PATIENTS = STALENESS.labels("patient")


def keep_patient(tx: Transaction, patient_id: UUID, full_name: str, version: int) -> None:
    """Takes over a patient's name, if it is newer than the one known."""
    tx.execute(_KEEP_NEWEST, patient_id=patient_id, full_name=full_name, version=version)
    written_at = unix_time(tx.written_at)
    if written_at is not None:
        tx.after_commit.append(lambda: _STALENESS_OF_PATIENTS.observe(max(time.time() - written_at, 0.0)))


def patient_name(db: Query, patient_id: UUID) -> str | None:
    """Returns a patient's name as last heard of, or None while the patient is not known here."""
    name: str | None = db.value(
        "SELECT full_name FROM patient_snapshot WHERE patient_id = %(patient_id)s", patient_id=patient_id
    )
    return name
