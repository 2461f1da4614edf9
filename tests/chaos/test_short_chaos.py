"""A short run of the chaos that `make chaos` lets loose for longer: another seed each time, printed to be repeated."""

import secrets

import pytest
from rich.console import Console

from tests.chaos.campaign import run
from tests.chaos.nemesis.catalogue import chosen
from tests.chaos.report import print_report

DURATION_S = 90


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_everything_holds_after_a_short_run_of_faults(tmp_path_factory: pytest.TempPathFactory) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"make chaos MINUTES={DURATION_S / 60:.3f} SEED={seed}")
    report = run(tmp_path_factory.mktemp("chaos"), seed, DURATION_S, chosen(), announce=print)
    print_report(Console(width=160), report)
    assert report.passed, f"seed {seed}"
    assert report.history.injected
