"""The HTTP interface of audit: what is on record, for those whose scope it is."""

from typing import Annotated
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel, Field

from infirmary.fields import Moment
from infirmary.http.api import Api
from infirmary.http.fields import SOME_ID, Id, shown
from infirmary.http.pages import PageQuery, page
from infirmary.http.problems import not_found
from infirmary.identifiers import least_id_of
from infirmary.postgres.transaction import Query
from services.audit import store
from services.audit.fhir import AuditEvent, Bundle, Entry, Link, event

api = Api("audit", about="patient_id")


class WhatIsOnRecord(PageQuery):
    """A page of what is on record of one patient, or of all."""

    patient_id: Annotated[Id | None, Field(description="only what is about this patient")] = None
    since: Annotated[Moment | None, Field(description="only from this moment on")] = None


class AuditEventPath(BaseModel):
    """Which event."""

    audit_event_id: Annotated[Id, Field(description="which event"), shown(SOME_ID)]


@api.endpoint("GET", "/audit-events", Bundle, scope="audit:read")
def list_audit_events(query: WhatIsOnRecord, db: Query) -> Bundle:
    """List who did or saw what, of one patient or of all, oldest first.

    A Bundle of FHIR R4. Its link `next`, while there is one, is the next page.
    """
    after = query.after()
    if query.since is not None:
        after = max(after, least_id_of(query.since.timestamp()))
    records = store.page_of(db, query.patient_id, after, query.limit + 1)
    found = page([event(each.access_id, each.record) for each in records], query.limit, lambda each: each.id)
    entries = [Entry(resource=each) for each in found.items]
    return Bundle(link=[] if found.next_cursor is None else [_next(found.next_cursor)], entry=entries)


@api.endpoint("GET", "/audit-events/<audit_event_id>", AuditEvent, errors=(404,), scope="audit:read")
def get_audit_event(path: AuditEventPath, db: Query) -> AuditEvent:
    """Get one event, as FHIR R4 has it."""
    record = store.find(db, path.audit_event_id)
    if record is None:
        raise not_found(f"audit event {path.audit_event_id}")
    return event(path.audit_event_id, record)


def _next(cursor: str) -> Link:
    return Link(url=f"{request.path}?{urlencode({**request.args, 'cursor': cursor})}")
