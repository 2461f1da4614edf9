"""People work while pods die; then everything that design promises must hold: `make k8s-chaos`."""

import os

import pytest
from rich.console import Console

from tests.cluster.chaos.campaign import run
from tests.cluster.chaos.report import print_report
from tests.cluster.cluster import Cluster

MINUTES = float(os.environ.get("CHAOS_MINUTES", "3"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
METRICS_PORT = int(os.environ.get("CHAOS_METRICS_PORT", "0")) or None


@pytest.mark.timeout(MINUTES * 60 + 900)
def test_everything_holds_after_pods_have_died(cluster: Cluster, env: dict[str, str]) -> None:
    console = Console(width=160)
    console.print(f"seed {SEED}, {MINUTES:g} minutes", highlight=False)

    def announce(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    report = run(cluster, env, SEED, MINUTES * 60, announce, METRICS_PORT)
    print_report(console, report)
    assert report.history.injected
    assert report.passed, [str(finding) for finding in report.findings]
