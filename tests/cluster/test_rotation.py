"""A password is changed as docs/kubernetes.md says: an upgrade of the servers, then one of the service that had it."""

import re
import subprocess
from pathlib import Path

from demo.client import Hospital
from local.topology import Role
from tests.cluster.addresses import through
from tests.cluster.cluster import Cluster
from tests.cluster.port_forward import PortForward
from tests.cluster.test_isolation import refusal

ROOT = Path(__file__).resolve().parents[2]
SECRET, SERVICE = "patient-relay-credentials", "patient"
COMMANDS = re.findall(
    r"^(?:kubectl|helm) .*$",
    (ROOT / "docs/kubernetes.md").read_text().partition("## Passwords and certificates")[2].partition("\n## ")[0],
    re.MULTILINE,
)


def test_a_changed_password_reaches_the_pods_that_had_the_old_one_and_gives_the_others_no_reason_to_go(
    cluster: Cluster, audited: Hospital, authority: Path | None, forwards: dict[str, PortForward]
) -> None:
    def address() -> str:
        return through(cluster.secret(SECRET)["DATABASE_URL"], forwards, authority)

    def given() -> dict[Role, str]:
        """What pods were given out of Secrets. The first upgrade replaces all of them, as skaffold's labels go."""
        pods = {role: cluster.pods(SERVICE, role)[0] for role in Role}
        return {role: pod.metadata.annotations["checksum/credentials"] for role, pod in pods.items()}

    before, old_address = given(), address()
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        subprocess.run(["bash", "-euc", command], check=True, cwd=ROOT, stdout=subprocess.PIPE, timeout=240)
    cluster.wait_until_ready()
    assert {role for role in Role if given()[role] != before[role]} == {Role.RELAY}
    assert "password authentication failed" in refusal(old_address)
    assert not refusal(address())
    patient = audited.patient()
    audited.eventually(lambda: patient.chart, because="the relay works on", within_s=60)
