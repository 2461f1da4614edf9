"""What the auditor of gaps shows is there from its start, answers a question, and tells when the auditor hangs."""

import platform
import tomllib
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from audit import __version__, probes
from audit.broker import Unreadable
from audit.gap_metrics import CONNECTED, Reason, registry, show_from_the_start
from audit.probes import Probe, serve
from local.ports import LOOPBACK


@pytest.fixture(autouse=True)
def shown() -> None:
    show_from_the_start(["ward"])


def value(name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_every_series_has_one_prefix_and_a_help_that_begins_with_a_question() -> None:
    for family in registry.collect():
        if not family.name.startswith(("process_", "python_")):
            assert family.name.startswith("infirmary_")
            assert "? " in family.documentation, family.name
            assert family.documentation.endswith("."), family.name
    assert b"_created" not in generate_latest(registry)


def test_labels_that_are_known_are_there_from_the_start() -> None:
    for name in ("missing", "subjects", "repeated_total", "early_total", "unnumbered_total"):
        assert value(f"infirmary_log_{name}", source="ward") is not None
    for why in Unreadable:
        assert value("infirmary_gap_auditor_unread", source="ward", reason=why.value) == 0
    for reason in Reason:
        assert value("infirmary_not_ready", reason=reason.value) == (reason is Reason.STARTING)
    assert value("infirmary_ready") == 0
    assert value("process_start_time_seconds")


def test_the_build_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]
    assert value("infirmary_build_info", version=__version__, python=platform.python_version()) == 1


@pytest.fixture
def page() -> Callable[[Probe], str]:
    """Asks for /metrics, as Prometheus does."""

    def ask(probe: Probe) -> str:
        server = serve(probe, LOOPBACK, 0)
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{server.server_port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        finally:
            server.shutdown()
            server.server_close()

    return ask


def test_an_auditor_whose_loop_hangs_watches_nothing(page: Callable[[Probe], str]) -> None:
    probe = Probe()
    probe.found([])
    CONNECTED.set(1)
    assert "infirmary_gap_auditor_connected 1.0" in page(probe)
    assert "infirmary_ready 1.0" in page(probe)
    probe._turned_at -= probes.ALIVE_S
    assert "infirmary_gap_auditor_connected 0.0" in page(probe)
    assert "infirmary_ready 0.0" in page(probe)
    assert 'infirmary_not_ready{reason="loop_hangs"} 1.0' in page(probe)
