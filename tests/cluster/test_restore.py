"""Databases go back to backups of different moments while pods stand still: `make k8s-drill`."""

import os
from pathlib import Path

import pytest

from audit.collector import Collector
from demo.client import Hospital
from tests.cluster.cluster import Cluster
from tests.cluster.machinery import OnKubernetes
from tests.drill.drill import Drill
from tests.drill.run import one_then_each

SECONDS = float(os.environ.get("DRILL_SECONDS", "20"))
SEED = int(os.environ.get("DRILL_SEED", "1"))


@pytest.mark.timeout(6 * SECONDS + 1500)
def test_everything_is_as_it_was_after_one_database_was_set_back_and_after_all_were(
    cluster: Cluster, env: dict[str, str], tmp_path: Path
) -> None:
    machinery = OnKubernetes(cluster, env, tmp_path)
    with Hospital(env, patience_s=120) as hospital, Collector(env) as collector:
        drill = Drill(machinery, hospital, collector, SEED, print)
        one_then_each(drill, machinery.each_by_itself(), SEED, SECONDS)
    assert drill.found == []
