"""The tables of audit. Nothing in them is ever changed or deleted but the end of the chain, which goes on only.

Who reads the record for others, the API, has no right to write anything of it.
"""

from typing import Final

import sqlalchemy as sa

from infirmary.postgres.rights import ADD, CHANGE, READ, RIGHTS
from infirmary.postgres.statements import new_metadata
from infirmary.process_roles import Process

metadata = new_metadata()


class AuditEventColumns(sa.TypedColumns):
    """A record in its place in the chain. `record` is the text that was hashed; the ids beside it find it."""

    position = sa.Column(sa.BigInteger, primary_key=True, autoincrement=False)
    access_id = sa.Column(sa.Uuid(), nullable=False)
    patient_id = sa.Column(sa.Uuid())
    record = sa.Column(sa.Text, nullable=False)
    hash = sa.Column(sa.LargeBinary, nullable=False)


class AuditHeadColumns(sa.TypedColumns):
    """The end of the chain: one row."""

    one = sa.Column(sa.Boolean, primary_key=True, server_default=sa.true())
    position = sa.Column(sa.BigInteger, nullable=False)
    hash = sa.Column(sa.LargeBinary, nullable=False)


_READ_BY_API: Final = {Process.API: frozenset({READ})}

audit_events = sa.Table(
    "audit_events",
    metadata,
    AuditEventColumns,
    sa.Index("audit_events_by_id", "access_id", unique=True),
    sa.Index("audit_events_of_patient", "patient_id", "access_id"),
    info={RIGHTS: {**_READ_BY_API, Process.CONSUMER: frozenset({READ, ADD})}},
)
audit_head = sa.Table(
    "audit_head",
    metadata,
    AuditHeadColumns,
    sa.CheckConstraint("one", "one"),
    info={RIGHTS: {**_READ_BY_API, Process.CONSUMER: frozenset({READ, CHANGE})}},
)
