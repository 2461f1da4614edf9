"""Tells audit what services were asked for, and does to its record what nobody should."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from click.testing import CliRunner

from infirmary.access.records import Access, AccessRecorded
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import Transaction, transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from services.audit.commands import verify
from services.audit.handlers import put_on_record

PUT = """
INSERT INTO audit_events SELECT {position}, gen_random_uuid(), patient_id, record, hash FROM audit_events LIMIT 1
"""
APPENDED = """
INSERT INTO audit_events
SELECT position + 1, gen_random_uuid(), NULL, '{record}', sha256(hash || convert_to('{record}', 'UTF8')) FROM audit_head
"""
MOVED = """;
ALTER TABLE audit_head DISABLE TRIGGER ALL;
UPDATE audit_head SET (position, hash) = (SELECT position, hash FROM audit_events ORDER BY position DESC LIMIT 1)
"""


@contextmanager
def telling(settings: Settings) -> Iterator[Transaction]:
    with (
        psycopg.connect(settings.database_url, autocommit=True) as connection,
        transaction(connection, "audit", causation_of(None, None, None)) as tx,
    ):
        yield tx


def tell(settings: Settings, *accesses: Access, service: str = "chart") -> None:
    with telling(settings) as tx:
        tx.told_by = service
        put_on_record(AccessRecorded(track=new_id(), accesses=list(accesses)), tx)


def change(settings: Settings, statement: str) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def verified(settings: Settings, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, str]:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    ran = CliRunner().invoke(verify, options)
    return ran.exit_code, ran.output
