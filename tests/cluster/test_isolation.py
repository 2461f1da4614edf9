"""Every wall between services, by running against it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import amqp
import psycopg
import pymongo
import pytest
from kubernetes.client.exceptions import ApiException
from pymongo.errors import OperationFailure

from audit.broker import connection_to
from local.topology import SERVICES, Engine, Role
from tests.cluster.addresses import through
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.port_forward import PortForward
from tests.eventually import eventually

POSTGRESQL = [service for service in SERVICES if service.engine is Engine.POSTGRESQL]
BROKERS_PORTS = {
    False: {"amqp": 5672, "stream": 5552, "management": 15672},
    True: {"amqp": 5671, "stream": 5551, "management": 15671},
}
"""By whether TLS is spoken."""


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


def broker_connection(url: str, authority: Path | None) -> amqp.Connection:
    """Returns a connection to RabbitMQ. A forwarded port that leads to a pod of before is tried again."""

    def connect() -> amqp.Connection | None:
        connection = connection_to(url, authority)
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
        if urlsplit(own).path != f"/{other}":
            assert "permission denied for database" in refusal(own, dbname=other)


def test_a_mongodb_user_reads_and_writes_its_own_database_only(env: dict[str, str]) -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(env["NOTIFICATION_DATABASE_URL"])
    with client as mongo:
        mongo["notifications"].command("count", "notifications")
        for refused in ("admin", "somebody_elses"):
            with pytest.raises(OperationFailure):
                mongo[refused]["things"].insert_one({"_id": 1})


def test_a_broker_user_reads_no_commands_but_those_to_it_and_declares_nobody_elses_log(
    cluster: Cluster, authority: Path | None, forwards: dict[str, PortForward]
) -> None:
    own_address = through(cluster.secret("patient-credentials")["RABBITMQ_URL"], forwards, authority)
    with broker_connection(own_address, authority) as connection:
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
    assert cluster.reaches(patient, "postgresql", 5432)
    speaks_tls = cluster.authority() is not None
    assert cluster.reaches(patient, "rabbitmq", BROKERS_PORTS[speaks_tls]["amqp"])
    assert cluster.reaches(notification, "mongodb", 27017)


def test_those_who_write_logs_and_those_who_read_them_reach_the_stream_protocol(cluster: Cluster) -> None:
    port = BROKERS_PORTS[cluster.authority() is not None]["stream"]
    reached = {role for role in Role if cluster.reaches(cluster.pod_name("patient", role), "rabbitmq", port)}
    assert reached == {Role.CONSUMER, Role.RELAY}


@pytest.mark.parametrize(
    ("service", "host", "port"),
    [
        ("patient", "mongodb", 27017),
        ("notification", "postgresql", 5432),
        ("patient", "rabbitmq", 15672),
        ("patient", "rabbitmq", 15671),
        ("patient", "billing", 80),
        ("patient", "billing", 443),
        ("patient", "kubernetes.default.svc", 443),
    ],
)
def test_a_pod_reaches_nothing_else(cluster: Cluster, service: str, host: str, port: int) -> None:
    assert not cluster.reaches(cluster.pod_name(service, "consumer"), host, port)


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
        "__init__.py", "__main__.py", "__pycache__", "patient", "published.json", "services.toml",
    }  # fmt: skip
    assert not cluster.run_in(pod, "sh", "-c", "command -v pip gcc make git uv").strip()
