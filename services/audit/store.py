"""The statements of audit: everything that touches its own tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from infirmary.access.records import Access
from infirmary.postgres.statements import compiled, fields_of, is_given
from infirmary.postgres.transaction import Query, Transaction
from services.audit.model import Head, Link, canonical, chained
from services.audit.tables import audit_events, audit_head


def _listed(name: str, column: sa.ColumnElement[Any]) -> sa.BindParameter[Any]:
    """Returns a value that is a list of values of a column."""
    return sa.bindparam(name, type_=sa.ARRAY(column.type))


_COLUMNS: Final = fields_of(Link, audit_events)
_NAMES: Final = [column.name for column in _COLUMNS]
_END = sa.select(*fields_of(Head, audit_head)).where(audit_head.c.one)
_HEAD = compiled(_END)
_LOCK_HEAD = compiled(_END.with_for_update())
_KNOWN = compiled(
    sa.select(sa.func.array_agg(audit_events.c.access_id)).where(
        audit_events.c.access_id == sa.any_(_listed("ids", audit_events.c.access_id))
    )
)
_TOLD = sa.func.unnest(*(_listed(column.name, column) for column in _COLUMNS)).table_valued(*_NAMES)
_INSERT = compiled(sa.insert(audit_events).from_select(_COLUMNS, sa.select(*_TOLD.render_derived().c)))
_LINKS = compiled(
    sa.select(*_COLUMNS)
    .where(audit_events.c.position > sa.bindparam("after"))
    .order_by(audit_events.c.position)
    .limit(sa.bindparam("rows"))
)
_OUTSIDE = compiled(
    sa.select(*_COLUMNS)
    .where(
        sa.or_(
            audit_events.c.position < 1, audit_events.c.position > sa.select(audit_head.c.position).scalar_subquery()
        )
    )
    .order_by(audit_events.c.position)
    .limit(sa.bindparam("rows"))
)
_FIND = compiled(sa.select(audit_events.c.record).where(is_given(audit_events.c.access_id)))
_PAGE = (
    sa.select(audit_events.c.access_id, audit_events.c.record)
    .where(audit_events.c.access_id > sa.bindparam("after"))
    .order_by(audit_events.c.access_id)
    .limit(sa.bindparam("rows"))
)
_NEXT_OF_ALL = compiled(_PAGE)
_NEXT_OF_PATIENT = compiled(_PAGE.where(is_given(audit_events.c.patient_id)))
_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and the id by which it is found."""

    access_id: UUID
    record: str


def append(tx: Transaction, service: str, accesses: Sequence[Access]) -> None:
    """Puts on record what a service was asked for; what is there already stays as it is.

    The end of the chain is locked until the commit, so that readers of several logs follow each other. A trigger moves
    it behind what is appended, and refuses what is not.

    Raises:
        LookupError: Somebody has taken the end of the chain away.
    """
    end = tx.one(Head, _LOCK_HEAD)
    if end is None:
        raise LookupError("audit_head has no row: somebody has taken the end of the chain away")
    known = set(tx.value(_KNOWN, ids=[access.access_id for access in accesses]) or ())
    new = {access.access_id: access for access in accesses if access.access_id not in known}
    links = list(chained(end, ((access, canonical(service, access)) for access in new.values())))
    if not links:
        return
    columns: dict[str, list[Any]] = {name: list(map(attrgetter(name), links)) for name in _NAMES}
    tx.execute(_INSERT, **columns)


def head(db: Query) -> Head | None:
    """Returns the end of the chain; None where somebody has taken it away."""
    return db.one(Head, _HEAD)


def links(db: Query, after: int, rows: int = _AT_ONCE) -> list[Link]:
    """Returns the next links of the chain."""
    return db.many(Link, _LINKS, after=after, rows=rows)


def outside(db: Query) -> list[Link]:
    """Returns records before the first or behind the end, some of them; none can come to be there by being appended."""
    return db.many(Link, _OUTSIDE, rows=_AT_ONCE)


def find(db: Query, access_id: UUID) -> str | None:
    """Returns what is on record under an id."""
    record: str | None = db.value(_FIND, access_id=access_id)
    return record


def page_of(db: Query, patient_id: UUID | None, after: UUID, rows: int) -> list[Found]:
    """Returns the next records of a patient or of all, the oldest first."""
    if patient_id is None:
        return db.many(Found, _NEXT_OF_ALL, after=after, rows=rows)
    return db.many(Found, _NEXT_OF_PATIENT, patient_id=patient_id, after=after, rows=rows)
