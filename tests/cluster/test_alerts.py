"""Faults in the cluster fire their alerts in Alertmanager, with the right labels, and are resolved when healed."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from demo.client import Hospital
from local.topology import Role
from tests.chaos.nemesis.post import Post
from tests.cluster.alertmanager import Alerts, alerts_in_seconds
from tests.cluster.cluster import Cluster
from tests.eventually import eventually

POISON = b"{}"
MEMORY = {"short": ("0.0001",), "enough": ("absolute", "512MB")}


@pytest.fixture(scope="module")
def alerts(cluster: Cluster) -> Iterator[Alerts]:
    with alerts_in_seconds() as alerts:
        alerts.shows("InfirmaryWatchdog", severity="none")
        yield alerts
    cluster.wait_until_ready()


def test_a_relay_and_a_consumer_that_are_away_show_themselves(cluster: Cluster, alerts: Alerts) -> None:
    away = (
        ("InfirmaryRelayAway", "billing", Role.RELAY),
        ("InfirmaryConsumerAway", "ward", Role.CONSUMER),
    )
    for _, service, role in away:
        cluster.scale(service, role.value, 0)
    try:
        for name, service, _ in away:
            alert = alerts.shows(name, service=service, severity="critical")
            assert alert["annotations"]["runbook_url"].endswith(f"#{name.lower()}")
    finally:
        for _, service, role in away:
            cluster.scale(service, role.value, 1)
    for name, service, _ in away:
        alerts.is_over(name, service=service)


def test_a_parked_message_shows_itself_until_it_is_given_up(
    cluster: Cluster, env: dict[str, str], alerts: Alerts
) -> None:
    with Post(env["RABBITMQ_URL"], env.get("RABBITMQ_CA_FILE")) as post:
        post.command("admission.to.billing", "Nonsense", str(uuid4()), 1, POISON)
    held = {"service": "billing", "channel": "admission.to.billing", "severity": "warning"}
    alerts.shows("InfirmaryMessagesHeld", **held)

    def parked(*words: str) -> str:
        return cluster.run_in(cluster.pod_name("billing", "consumer"), "python", "-m", "services", "billing", *words)

    for message in json.loads(parked("parked", "list", "--json")):
        parked("parked", "discard", str(message["id"]), "--yes")
    eventually(lambda: json.loads(parked("parked", "list", "--json")) == [], because="nothing is parked")
    alerts.is_over("InfirmaryMessagesHeld", **held)


def test_the_brokers_memory_alarm_is_told_of_and_logs_go_on(
    cluster: Cluster, hospital: Hospital, alerts: Alerts
) -> None:
    """It holds up those who publish by AMQP, and by the stream protocol nobody."""
    broker = cluster.pod_name("rabbitmq")
    cluster.run_in(broker, "rabbitmqctl", "set_vm_memory_high_watermark", *MEMORY["short"])
    try:
        alarm = alerts.shows("InfirmaryBrokerAlarm", alarm="memory", severity="critical")
        assert alarm["status"]["inhibitedBy"] == []
        hospital.prescribe(hospital.patient(), hospital.medication())
    finally:
        cluster.run_in(broker, "rabbitmqctl", "set_vm_memory_high_watermark", *MEMORY["enough"])
    alerts.is_over("InfirmaryBrokerAlarm")
