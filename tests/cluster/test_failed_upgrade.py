"""An upgrade with a bad value ends at once, says why, and changes nothing."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from demo.client import Hospital
from tests.cluster.cluster import NAMESPACE, Cluster, helm
from tests.cluster.releases import deployed_revision

AT_ONCE_S = 60.0


@pytest.fixture
def good_revision() -> Iterator[str]:
    """The revision that is deployed, and that is deployed again at the end."""
    revision = deployed_revision("billing")
    yield revision
    helm("rollback", "billing", revision, "--wait", "--timeout", "4m")


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("settings.LOG_PARTS=3", "LOG_PARTS: Value error, should be a power of two"),
        ("settings.ADMISSION_FEE=abc", "ADMISSION_FEE: Input should be a valid decimal"),
        ("settings.ADMISION_FEE=5", "ADMISION_FEE: nobody reads it; did you mean ADMISSION_FEE?"),
        ("consumer.settings.CONSUMER_BATCH_MESSAGES=0", "CONSUMER_BATCH_MESSAGES: Input should be greater than"),
    ],
)
def test_a_bad_setting_ends_the_upgrade_with_its_reason_and_changes_nothing(
    cluster: Cluster, hospital: Hospital, good_revision: str, setting: str, reason: str
) -> None:
    before = {pod.metadata.name for pod in cluster.pods("billing")}
    began_at = time.monotonic()
    upgrade = ["upgrade", "billing", "charts/service", "--reuse-values", "--wait", "--timeout", "4m", "--set", setting]
    told = subprocess.run(["helm", "--namespace", NAMESPACE, *upgrade], capture_output=True, text=True, check=False)
    assert told.returncode != 0
    assert time.monotonic() - began_at < AT_ONCE_S
    log = subprocess.run(
        ["kubectl", "--namespace", NAMESPACE, "logs", "job/billing-migration"],
        check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    assert reason in log
    serving = {pod.metadata.name for pod in cluster.pods("billing") if "migration" not in pod.metadata.name}
    assert serving == {name for name in before if "migration" not in name}
    assert deployed_revision("billing") == good_revision
    hospital.hold(hospital.patient(on_credit_hold=True), held=False)
