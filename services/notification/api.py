"""The HTTP interface of notification."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from infirmary.http.api import Api
from infirmary.http.fields import Id
from infirmary.http.pages import Page, PageQuery, page
from infirmary.mongo.storage import MongoDatabase
from services.notification import store
from services.notification.messages import Kind

api = Api("notification", about="patient_id")


class OfPatient(PageQuery):
    """A page of what belongs to one patient, or to all."""

    patient_id: Annotated[Id | None, Field(description="only those of this patient")] = None


class NotificationView(BaseModel):
    """A notification as the outside sees one."""

    notification_id: UUID
    patient_id: UUID
    kind: Kind
    text: str
    reference_id: UUID = Field(description="the admission, lab result or prescription that it is about")
    at: datetime


@api.endpoint(
    "GET",
    "/notifications",
    Page[NotificationView],
    scope="notifications:read",
    scope_without={"patient_id": "notifications:read-all"},
)
def list_notifications(query: OfPatient, db: MongoDatabase) -> Page[NotificationView]:
    """List notifications, about one patient or all, oldest first."""
    after, rows = query.after(), query.limit + 1
    if query.patient_id is None:
        notifications = store.list_all(db, after, rows)
    else:
        notifications = store.list_of_patient(db, query.patient_id, after, rows)
    views = [NotificationView.model_validate(each, from_attributes=True) for each in notifications]
    return page(views, query.limit, lambda view: view.notification_id)
