"""Every wall between services, by running against it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import amqp
import psycopg
import pymongo
import pytest
from kubernetes.client.exceptions import ApiException
from pymongo.errors import OperationFailure

from local.topology import SERVICES, Engine, Role
from tests.cluster.addresses import through
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.port_forward import PortForward
from tests.eventually import eventually

POSTGRESQL = [service for service in SERVICES if service.engine is Engine.POSTGRESQL]
STREAM_PORT = 5552

_CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
print("connected")
"""


def reaches(cluster: Cluster, pod: str, host: str, port: int) -> bool:
    return "connected" in cluster.run_in(pod, "python", "-c", _CONNECT, host, str(port)).split()


def refusal(url: str, **changes: str) -> str:
    """Returns why PostgreSQL lets nobody in; nothing when it does. A forwarded port that is away is tried again."""

    def ask() -> tuple[str] | None:
        try:
            psycopg.connect(url, connect_timeout=5, **changes).close()  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            return (str(error),) if "FATAL" in str(error) else None
        return ("",)

    answer = eventually(ask, because="PostgreSQL answers")
    assert answer is not None
    return answer[0]


def broker_connection(url: str) -> amqp.Connection:
    """Returns a connection to RabbitMQ. A forwarded port that leads to a pod of before is tried again."""
    at = urlsplit(url)

    def connect() -> amqp.Connection | None:
        connection = amqp.Connection(
            f"{at.hostname}:{at.port}", userid=at.username, password=at.password, virtual_host=at.path[1:]
        )
        try:
            connection.connect()
        except OSError:
            connection.collect()
            return None
        return connection

    connection = eventually(connect, because="RabbitMQ answers")
    assert connection is not None
    return connection


@pytest.mark.parametrize("service", [service.name for service in POSTGRESQL])
def test_a_role_connects_to_its_own_database_only(env: dict[str, str], service: str) -> None:
    own = env[f"{service.upper()}_DATABASE_URL"]
    assert not refusal(own)
    for other in {each.database for each in POSTGRESQL} | {"postgres", "template1"}:
        if not own.endswith(f"/{other}"):
            assert "permission denied for database" in refusal(own, dbname=other)


def test_a_mongodb_user_reads_and_writes_its_own_database_only(env: dict[str, str]) -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(env["NOTIFICATION_DATABASE_URL"])
    with client as mongo:
        mongo["notifications"].command("count", "notifications")
        for refused in ("admin", "somebody_elses"):
            with pytest.raises(OperationFailure):
                mongo[refused]["things"].insert_one({"_id": 1})


def test_a_broker_user_reads_no_commands_but_those_to_it_and_declares_nobody_elses_log(
    cluster: Cluster, env: dict[str, str], forwards: dict[str, PortForward]
) -> None:
    with broker_connection(through(cluster.secret("patient-credentials")["RABBITMQ_URL"], forwards)) as connection:
        own = connection.channel()
        own.basic_qos(0, 1, False)
        own.basic_consume("admission.to.patient")
        trespasses: tuple[Callable[[Any], object], ...] = (
            lambda channel: channel.basic_consume("admission.to.billing"),
            lambda channel: channel.queue_delete("admission.to.billing"),
            lambda channel: channel.queue_declare("billing.events", durable=True),
            lambda channel: channel.queue_declare("anything.else", durable=True),
            lambda channel: channel.exchange_declare("anything.else", "fanout"),
        )
        for trespass in trespasses:
            with pytest.raises(amqp.AccessRefused):
                trespass(connection.channel())


def test_a_pod_reaches_its_own_database_and_the_broker(cluster: Cluster) -> None:
    patient, notification = cluster.pod_name("patient", "api"), cluster.pod_name("notification", "api")
    assert reaches(cluster, patient, "postgresql", 5432)
    assert reaches(cluster, patient, "rabbitmq", 5672)
    assert reaches(cluster, notification, "mongodb", 27017)


def test_those_who_write_logs_and_those_who_read_them_reach_the_stream_protocol(cluster: Cluster) -> None:
    reached = {role for role in Role if reaches(cluster, cluster.pod_name("patient", role), "rabbitmq", STREAM_PORT)}
    assert reached == {Role.CONSUMER, Role.RELAY}


@pytest.mark.parametrize(
    ("service", "host", "port"),
    [
        ("patient", "mongodb", 27017),
        ("notification", "postgresql", 5432),
        ("patient", "rabbitmq", 15672),
        ("patient", "billing", 80),
        ("patient", "kubernetes.default.svc", 443),
    ],
)
def test_a_pod_reaches_nothing_else(cluster: Cluster, service: str, host: str, port: int) -> None:
    assert not reaches(cluster, cluster.pod_name(service, "consumer"), host, port)


@pytest.mark.parametrize("role", ["api", "consumer", "relay"])
def test_a_process_is_not_root_and_writes_nothing_but_temporary_files(cluster: Cluster, role: str) -> None:
    pod = cluster.pod_name("patient", role)
    assert cluster.run_in(pod, "id", "-u").strip() == "10001"
    for place in ("/app/x", "/opt/venv/x", "/etc/x", "/x"):
        assert "Read-only file system" in cluster.run_in(pod, "sh", "-c", f"echo > {place}")
    assert not cluster.run_in(pod, "sh", "-c", "echo > /tmp/x")
    assert "No such file" in cluster.run_in(pod, "ls", "/var/run/secrets/kubernetes.io")


@pytest.mark.parametrize(
    "unsafe", [{"runAsUser": 0, "runAsNonRoot": False}, {"privileged": True}, {"allowPrivilegeEscalation": True}]
)
def test_kubernetes_admits_no_pod_with_more_rights(cluster: Cluster, unsafe: dict[str, object]) -> None:
    container = {"name": "intruder", "image": "infirmary-patient", "securityContext": unsafe}
    pod = {"metadata": {"name": "intruder"}, "spec": {"containers": [container]}}
    with pytest.raises(ApiException, match="violates PodSecurity"):
        cluster.core.create_namespaced_pod(NAMESPACE, pod, dry_run="All")


def test_an_image_holds_one_service_and_no_tools(cluster: Cluster) -> None:
    pod = cluster.pod_name("patient", "api")
    assert set(cluster.run_in(pod, "ls", "/app/services").split()) == {
        "__init__.py", "__main__.py", "__pycache__", "patient", "published.json",
    }  # fmt: skip
    assert not cluster.run_in(pod, "sh", "-c", "command -v pip gcc make git uv").strip()
