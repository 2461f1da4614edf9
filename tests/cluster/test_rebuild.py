"""The read model is made anew by a Job that helm starts, as the database's owner; meanwhile the old one is read."""

from datetime import date
from typing import Any

import httpx

from audit.client import trusted
from demo.client import Hospital
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.releases import changed
from tests.eventually import eventually

DONE_WITHIN_S = 240.0


def test_a_read_model_is_made_anew_by_a_job_and_shows_what_it_showed(
    cluster: Cluster, env: dict[str, str], hospital: Hospital
) -> None:
    patient = hospital.register_patient("Rebuilt While-Read", date(1970, 1, 1))
    chart = f"{env['CHART_URL']}/charts/{patient.patient_id}"
    eventually(
        lambda: httpx.get(chart, timeout=20, verify=trusted(env)).status_code == 200, because="the chart is there"
    )
    before = shown(chart, env)
    with changed("chart", "charts/service", "--set", "rebuild.enabled=true"):
        eventually(lambda: is_done(cluster), because="the read model is made anew", within_s=DONE_WITHIN_S)
        pod = cluster.pod_name("chart", "rebuild")
        log = cluster.core.read_namespaced_pod_log(pod, NAMESPACE)
        assert "Done: the read model made anew is the one in use." in log
        assert shown(chart, env) == before
    cluster.wait_until_ready()


def shown(chart: str, env: dict[str, str]) -> dict[str, Any]:
    """Returns all of a chart but the moment for which it holds."""
    found: dict[str, Any] = httpx.get(chart, timeout=20, verify=trusted(env)).json()
    return {name: value for name, value in found.items() if name != "as_of"}


def is_done(cluster: Cluster) -> bool:
    return [pod.status.phase for pod in cluster.pods("chart", "rebuild")] == ["Succeeded"]
