"""The HTTP interface of chart."""

from services.chart import store
from services.chart.model import Chart
from services.chassis.http.api import Api
from services.chassis.http.fields import PatientPath
from services.chassis.http.problems import not_found
from services.chassis.transaction import Query

api = Api("chart")


@api.endpoint("GET", "/charts/<patient_id>", Chart, errors=(404,))
def get_chart(path: PatientPath, db: Query) -> Chart:
    """Get a patient's chart.

    404 until the patient is known here: what has just happened elsewhere takes a moment to get here.
    """
    chart = store.find(db, path.patient_id)
    if chart is None:
        raise not_found(f"chart of patient {path.patient_id}")
    return chart
