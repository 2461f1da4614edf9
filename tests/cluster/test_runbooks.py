"""The commands of docs/runbooks.md for Kubernetes can be given, and answer, in a cluster that is well."""

import shlex
import subprocess

import pytest

from tests.cluster.cluster import NAMESPACE, Cluster
from tests.unit.alerts.test_runbooks import COMMANDS

FOR_KUBERNETES = sorted({command for command in COMMANDS if command.startswith(("kubectl ", "helm "))})
OF_PRODUCTION = "clusters.postgresql.cnpg.io"
OF_A_LIFE_BEFORE = "--previous"
"""A container that has never been started again has none."""

POLICY = "keep-longer"


@pytest.mark.parametrize("command", [command for command in FOR_KUBERNETES if OF_PRODUCTION not in command])
def test_a_command_for_kubernetes_answers(cluster: Cluster, command: str) -> None:
    words = shlex.split(command.replace(OF_A_LIFE_BEFORE, ""))
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if POLICY in command:
        forget = ("exec", "rabbitmq-0", "--", "rabbitmqctl", "clear_policy", "--vhost", "infirmary", POLICY)
        subprocess.run(["kubectl", "--namespace", NAMESPACE, *forget], capture_output=True, check=True)
    assert done.returncode == 0, done.stderr
    cluster.wait_until_ready()
