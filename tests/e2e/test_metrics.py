"""What the processes of a running hospital show is what docs/metrics.md lists, in the form that Prometheus wants."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.client import Hospital
from local.hospital import Hospital as Machinery
from local.ports import LOOPBACK
from local.topology import PROCESSES
from scripts.metrics_page import registered
from scripts.registered import FOREIGN
from tests.chaos.gap_counters import gap_auditor
from tests.eventually import eventually


@pytest.fixture
def pages(machinery: Machinery, hospital: Hospital, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What each process shows after some work, by its name; a kind of process is the end of its name."""
    prescription = hospital.prescribe(hospital.patient(), hospital.medication(boxes=10), 1)
    admission = hospital.admit(hospital.patient(), hospital.ward())
    hospital.eventually(prescription.is_accepted, because="there is stock")
    hospital.eventually(admission.has_completed, because="everybody agrees")
    ports = {f"{service.name} {role}": machinery.plan.metrics_port(service, role) for service, role in PROCESSES}
    with ExitStack() as stack:
        ports["all gap-auditor"] = stack.enter_context(
            gap_auditor(machinery.env["RABBITMQ_URL"], machinery.env, tmp_path / "auditor.log")
        )
        eventually(lambda: answers(ports["all gap-auditor"]), because="the auditor has started")
        yield {name: httpx.get(f"http://{LOOPBACK}:{port}/metrics").text for name, port in ports.items()}


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def test_every_process_shows_what_the_page_lists_and_promtool_finds_no_fault(pages: dict[str, str]) -> None:
    listed = {kind: {metric.name for metric in metrics} for kind, metrics in registered().items()}
    seen: dict[str, set[str]] = {kind: set() for kind in listed}
    for process, text in pages.items():
        kind = process.split()[1]
        families = list(text_string_to_metric_families(text))
        names = {f"{each.name}_total" if each.type == "counter" else each.name for each in families}
        shown = {name for name in names if not name.startswith(FOREIGN)}
        assert shown <= listed[kind], f"docs/metrics.md lists all that {process} shows"
        seen[kind] |= shown
        assert not [sample.name for each in families for sample in each.samples if sample.name.endswith("_created")]
        assert {"process_cpu_seconds_total", "process_start_time_seconds"} <= names, process
        if shutil.which("promtool") is not None:
            checked = subprocess.run(
                ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
            )
            assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), process
    assert seen == listed, "some process shows each"
