"""The HTTP interface of chart."""

from typing import Annotated

from pydantic import BaseModel, Field

from infirmary.http.api import Api
from infirmary.http.fields import SOME_ID, Id, shown
from infirmary.http.pages import NEWEST, Page, PageQuery, page
from infirmary.http.problems import Problem, not_found
from infirmary.postgres.transaction import Query
from services.chart import queries
from services.chart.model import Chart, ChartLabResult, ChartNotification, ChartPrescription

api = Api("chart", about="patient_id")


class PatientPath(BaseModel):
    """The path of something that belongs to a patient."""

    patient_id: Annotated[Id, Field(description="whose"), shown(SOME_ID)]


@api.endpoint("GET", "/charts/<patient_id>", Chart, errors=(404,), scope="charts:read")
def get_chart(path: PatientPath, db: Query) -> Chart:
    """Get a patient's chart.

    404 until the patient is known here: what has just happened elsewhere takes a moment to get here.
    """
    chart = queries.find(db, path.patient_id, NEWEST)
    if chart is None:
        raise _no_chart(path)
    return chart


@api.endpoint("GET", "/charts/<patient_id>/prescriptions", Page[ChartPrescription], errors=(404,), scope="charts:read")
def list_prescriptions(path: PatientPath, query: PageQuery, db: Query) -> Page[ChartPrescription]:
    """List all prescriptions on a patient's chart, oldest first."""
    _require_chart(path, db)
    rows = queries.prescriptions_of(db, path.patient_id, query.after(), query.limit + 1)
    return page(rows, query.limit, lambda row: row.prescription_id)


@api.endpoint("GET", "/charts/<patient_id>/lab-results", Page[ChartLabResult], errors=(404,), scope="charts:read")
def list_lab_results(path: PatientPath, query: PageQuery, db: Query) -> Page[ChartLabResult]:
    """List all lab results on a patient's chart, oldest first."""
    _require_chart(path, db)
    rows = queries.lab_results_of(db, path.patient_id, query.after(), query.limit + 1)
    return page(rows, query.limit, lambda row: row.lab_result_id)


@api.endpoint("GET", "/charts/<patient_id>/notifications", Page[ChartNotification], errors=(404,), scope="charts:read")
def list_notifications(path: PatientPath, query: PageQuery, db: Query) -> Page[ChartNotification]:
    """List all notifications on a patient's chart, oldest first."""
    _require_chart(path, db)
    rows = queries.notifications_of(db, path.patient_id, query.after(), query.limit + 1)
    return page(rows, query.limit, lambda row: row.notification_id)


def _require_chart(path: PatientPath, db: Query) -> None:
    if not queries.is_known(db, path.patient_id):
        raise _no_chart(path)


def _no_chart(path: PatientPath) -> Problem:
    return not_found(f"chart of patient {path.patient_id}")
