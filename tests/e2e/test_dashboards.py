"""After a day every panel of every dashboard has an answer of a real Prometheus, or says why nothing is a good one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from dashboards.__main__ import ALL
from dashboards.asking import expressions, points
from dashboards.model import Panel
from demo.client import Hospital
from demo.watching import watched
from infirmary.observing.tables import LOOK_EVERY_S
from local.hospital import Hospital as Machinery
from local.servers.prometheus import PrometheusServer, is_installed
from tests.eventually import eventually

pytestmark = pytest.mark.skipif(not is_installed(), reason="prometheus and prometheus-alertmanager are not installed")

RATES_OVER = "30s"
SCRAPED_S = 10
WITHIN_S = 60.0
ANSWERED_WITHIN_S = 2 * LOOK_EVERY_S
"""Tables are measured once a minute, and most are empty when they are first looked at."""
ANSWERED = [panel for dashboard in ALL for panel in dashboard.panels if not panel.nothing]


@dataclass(frozen=True)
class Day:
    """A Prometheus that has seen something happen from a moment on."""

    prometheus: PrometheusServer
    begun_at: float

    def answers(self, expression: str) -> bool:
        """Tells whether a query finds at least one number since the day began."""
        span = {"query": expression, "start": self.begun_at, "end": time.time(), "step": 1}
        series = self.prometheus.ask(f"/api/v1/query_range?{urlencode(span)}")["data"]["result"]
        return any(points(each["values"]) for each in series)


@pytest.fixture(scope="module")
def day(machinery: Machinery, hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Prescriptions and admissions, those that succeed and those that do not, seen by Prometheus."""
    with watched(machinery, tmp_path_factory.mktemp("prometheus")) as prometheus:
        seen = Day(prometheus, time.time())
        eventually(lambda: not prometheus.query("up == 0"), because="everybody is scraped", within_s=WITHIN_S)
        begun_at = time.monotonic()
        while time.monotonic() < begun_at + SCRAPED_S:
            _something_happens(hospital)
        yield seen


def _something_happens(hospital: Hospital) -> None:
    ward, medication = hospital.ward(beds=1), hospital.medication(boxes=5)
    patient, debtor = hospital.patient(), hospital.patient(on_credit_hold=True)
    admission, refused = hospital.admit(patient, ward), hospital.admit(debtor, hospital.ward(beds=1))
    prescription = hospital.prescribe(patient, medication, 2)
    hospital.eventually(prescription.is_accepted, because="there are 5 boxes")
    hospital.dispense_and_wait(prescription)
    hospital.eventually(admission.has_completed, because="there is a bed")
    hospital.eventually(refused.has_failed, because="credit hold")


@pytest.mark.parametrize("panel", ANSWERED, ids=lambda panel: panel.title)
def test_a_panel_has_an_answer_after_a_day(day: Day, panel: Panel) -> None:
    queries = expressions(panel, over=RATES_OVER)
    eventually(
        lambda: any(day.answers(each) for each in queries), because="Prometheus knows of it", within_s=ANSWERED_WITHIN_S
    )
