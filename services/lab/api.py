"""The HTTP interface of lab."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool

from infirmary.http.api import Api, Created
from infirmary.http.fields import SOME_ID, Id, Input, Name, ShortText, shown
from infirmary.http.pages import Page, PageQuery, page
from infirmary.http.problems import not_found, unprocessable
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import Query, Transaction
from services.lab import model, store
from services.lab.model import LabResult

api = Api("lab", about="patient_id")


class OfPatient(PageQuery):
    """A page of what belongs to one patient, or to all."""

    patient_id: Annotated[Id | None, Field(description="only those of this patient")] = None


class NewLabResult(Input):
    """What was found, and of whom."""

    patient_id: Annotated[Id, shown(SOME_ID)]
    test: Annotated[Name, shown("potassium")]
    value: Annotated[Name, Field(description="text, as the laboratory writes it"), shown("6.8")]
    unit: Annotated[ShortText, Field(description="empty where the value has none"), shown("mmol/l")]
    critical: Annotated[StrictBool, Field(description="somebody is told at once"), shown(True)]


class LabResultPath(BaseModel):
    """Which result."""

    lab_result_id: Annotated[Id, Field(description="which result"), shown(SOME_ID)]


class LabResultView(BaseModel):
    """A result as the outside sees one."""

    lab_result_id: UUID
    patient_id: UUID
    patient_name: str = Field(description="what the patient is called now; `erased` of a person who was erased")
    test: str
    value: str
    unit: str
    critical: bool
    at: datetime


@api.endpoint("POST", "/lab-results", LabResultView, status=201, scope="lab-results:write")
def record_lab_result(body: NewLabResult, tx: Transaction) -> Created:
    """Record a lab result.

    422 while the patient is not known here: a registration takes a moment to get here.
    """
    patient_name = store.patient_name(tx, body.patient_id)
    if patient_name is None:
        raise unprocessable("body.patient_id", "the patient is not known here, or not yet")
    result = LabResult(lab_result_id=new_id(), patient_name=patient_name, at=datetime.now(UTC), **body.model_dump())
    store.insert(tx, result)
    tx.publish(model.recorded(result))
    return Created(_view(result), f"/lab-results/{result.lab_result_id}")


@api.endpoint("GET", "/lab-results/<lab_result_id>", LabResultView, errors=(404,), scope="lab-results:read")
def get_lab_result(path: LabResultPath, db: Query) -> LabResultView:
    """Get a lab result."""
    result = store.find(db, path.lab_result_id)
    if result is None:
        raise not_found(f"lab result {path.lab_result_id}")
    return _view(result)


@api.endpoint(
    "GET",
    "/lab-results",
    Page[LabResultView],
    scope="lab-results:read",
    scope_without={"patient_id": "lab-results:read-all"},
)
def list_lab_results(query: OfPatient, db: Query) -> Page[LabResultView]:
    """List lab results, of one patient or of all, oldest first."""
    after, rows = query.after(), query.limit + 1
    if query.patient_id is None:
        results = store.list_all(db, after, rows)
    else:
        results = store.list_of_patient(db, query.patient_id, after, rows)
    return page([_view(result) for result in results], query.limit, lambda view: view.lab_result_id)


def _view(result: LabResult) -> LabResultView:
    return LabResultView.model_validate(result, from_attributes=True)
