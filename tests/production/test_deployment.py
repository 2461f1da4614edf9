"""Production's manifests, seen running: operators, servers, services, and a message from one service to another."""

import json
import subprocess
from typing import Any

import pytest

from local.topology import SERVICES
from tests.eventually import eventually
from tests.production import deployment
from tests.production.kubectl import kubectl, objects

READY_WITHIN_S = 600.0
CLUSTERS = {"patients": 3, "charts": 2}
"""Members of the clusters of PostgreSQL that there is room for."""

pytestmark = pytest.mark.timeout(1500)

_REGISTER = """
import json, urllib.request
body = json.dumps({"full_name": "Ada Production", "date_of_birth": "1990-12-10"}).encode()
asked = urllib.request.Request("http://127.0.0.1:8080/patients", body, {"Content-Type": "application/json"})
print(urllib.request.urlopen(asked, timeout=20).read().decode())
"""
_READ = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(f"http://127.0.0.1:8080/charts/{sys.argv[1]}", timeout=20).read().decode())
except urllib.error.HTTPError as error:
    print("" if error.code == 404 else error)
"""


@pytest.fixture(scope="session")
def brokers(deployed: str) -> str:
    """The first of three brokers that are ready."""
    eventually(
        lambda: _ready(deployed, "statefulset", "hospital-server") == 3,
        because="three brokers",
        within_s=READY_WITHIN_S,
    )
    return "hospital-server-0"


@pytest.fixture(scope="session")
def databases(deployed: str) -> None:
    """Clusters of PostgreSQL that have all their members."""
    eventually(lambda: _members(deployed) == CLUSTERS, because="databases", within_s=READY_WITHIN_S)


@pytest.fixture(scope="session")
def services(brokers: str, databases: None) -> None:
    """A service that publishes and one that reads, with their production values."""
    deployment.build_images("patient", "chart")
    for service in ("patient", "chart"):
        deployment.install(service)


def test_three_brokers_are_one_cluster_with_the_users_of_the_definitions(deployed: str, brokers: str) -> None:
    status = json.loads(_rabbitmq(brokers, "rabbitmqctl", "cluster_status", "--formatter", "json"))
    assert len(status["running_nodes"]) == 3
    listed = json.loads(_rabbitmq(brokers, "rabbitmqctl", "list_users", "--formatter", "json"))
    assert {user["user"] for user in listed} >= {"infirmary", *(service.name for service in SERVICES)}
    settings = _rabbitmq(brokers, "rabbitmqctl", "environment")
    assert "{max_message_size,1048576}" in settings
    assert "{frame_max,2097152}" in settings  # of the stream protocol


def test_the_administrators_secret_logs_in_at_the_broker(deployed: str, brokers: str) -> None:
    reference = "jsonpath={.status.binding.name}"
    name = kubectl("--namespace", deployed, "get", "rabbitmqcluster", "hospital", "--output", reference)
    data = "go-template={{.data.username | base64decode}} {{.data.password | base64decode}}"
    user, password = kubectl("--namespace", deployed, "get", "secret", name, "--output", data).split()
    assert "Success" in _rabbitmq(brokers, "rabbitmqctl", "authenticate_user", user, password)


def test_every_commit_is_on_two_machines(deployed: str, databases: None) -> None:
    asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'"
    command = ("psql", "-tA", "-c", asked)
    told = eventually(
        lambda: kubectl(
            "--namespace", deployed, "exec", "patients-1", "--container", "postgres", "--", *command
        ).strip(),
        because="two standbys confirm commits",
    )
    assert told == "2"


def test_the_pods_of_mongodb_are_confined_as_the_namespace_asks(deployed: str) -> None:
    pods = eventually(
        lambda: objects("pods", deployed, "--selector", "app=notifications-svc"),
        because="a pod of MongoDB",
        within_s=120,
    )
    spec = pods[0]["spec"]
    assert spec["serviceAccountName"] == "mongodb-database"
    assert {each["name"] for each in spec["containers"]} == {"mongod", "mongodb-agent"}
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, container["name"]
    running = "jsonpath={.status.containerStatuses[?(@.name=='mongod')].state.running.startedAt}"
    eventually(
        lambda: kubectl("--namespace", deployed, "get", "pod", "notifications-0", "--output", running),
        because="the helpers have done their work under these bounds, and the server waits for its agent",
        within_s=120,
    )


def test_a_patient_registered_at_one_service_is_read_at_another(deployed: str, services: None) -> None:
    patient = json.loads(_in_deployment("patient-api", _REGISTER))["patient_id"]
    chart = eventually(lambda: _in_deployment("chart-api", _READ, patient).strip(), because="a chart", within_s=60)
    assert json.loads(chart)["patient"]["full_name"] == "Ada Production"


def test_a_server_is_reached_by_its_own_clients_only(deployed: str, brokers: str, databases: None) -> None:
    assert _reaches(deployed, "patients-1", "postgres", "patients-rw", 5432)
    for port in (5672, 5552):
        assert not _reaches(deployed, "patients-1", "postgres", "hospital", port)
        assert _reaches(deployed, brokers, "rabbitmq", "hospital", port)
    assert not _reaches(deployed, brokers, "rabbitmq", "patients-rw", 5432)


def test_a_log_has_a_replica_on_each_broker(deployed: str, brokers: str, services: None) -> None:
    columns = ("name", "type", "members", "messages")
    listed = _rabbitmq(brokers, "rabbitmqctl", "-p", "infirmary", "list_queues", *columns, "--formatter", "json")
    logs = {queue["name"]: queue for queue in json.loads(listed) if queue["type"] in ("stream", "rabbit_stream_queue")}
    assert len(logs["patient.events"]["members"]) == 3


def test_no_pod_was_refused(deployed: str, services: None) -> None:
    refused = objects("events", deployed, "--field-selector", "reason=FailedCreate")
    assert not refused, [event["message"] for event in refused]


def _ready(namespace: str, kind: str, name: str) -> int:
    ready = kubectl(
        "--namespace", namespace, "get", kind, name, "--ignore-not-found", "--output=jsonpath={.status.readyReplicas}"
    )
    return int(ready or 0)


def _members(namespace: str) -> dict[str, int]:
    found: list[dict[str, Any]] = objects("clusters.postgresql.cnpg.io", namespace)
    return {each["metadata"]["name"]: each.get("status", {}).get("readyInstances", 0) for each in found}


def _rabbitmq(pod: str, *command: str) -> str:
    return kubectl("--namespace", deployment.NAMESPACE, "exec", pod, "--container", "rabbitmq", "--", *command)


def _in_deployment(name: str, program: str, *arguments: str) -> str:
    command = ("python", "-c", program, *arguments)
    return kubectl("--namespace", deployment.NAMESPACE, "exec", f"deployment/{name}", "--", *command)


def _reaches(namespace: str, pod: str, container: str, host: str, port: int) -> bool:
    knock = ("timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/$0/$1", host, str(port))
    command = ["kubectl", "--namespace", namespace, "exec", pod, "--container", container, "--", *knock]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
