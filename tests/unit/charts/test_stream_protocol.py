"""The stream protocol in a cluster: every broker speaks it, and only those who write and read logs get to it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from local.topology import SERVICES
from tests.unit.charts.rendering import ROOT, infrastructure, needs_helm, of_kind, service

pytestmark = needs_helm

PLAIN, WITH_TLS = 5552, 5551
WRITERS_AND_READERS = [
    {"key": "app.kubernetes.io/component", "operator": "In", "values": ["consumer", "relay", "rebuild"]}
]

Object = dict[str, Any]


def documents(name: str) -> list[Object]:
    return [each for each in yaml.safe_load_all((ROOT / name).read_text()) if each]


def policy_of_development() -> Object:
    return of_kind("NetworkPolicy", infrastructure())["rabbitmq"]


def policy_in_production() -> Object:
    return of_kind("NetworkPolicy", documents("k8s/production/network.yaml"))["rabbitmq"]


def variables(role: str, *values: str, name: str = "billing", production: bool = False) -> dict[str, Any]:
    """Returns a process's variables as it sees them."""
    objects = service(name, *values, production=production)
    (container,) = of_kind("Deployment", objects)[f"{name}-{role}"]["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


def test_the_broker_of_development_speaks_it_where_its_service_leads() -> None:
    objects = infrastructure()
    files = of_kind("ConfigMap", objects)["rabbitmq"]["data"]
    (container,) = of_kind("StatefulSet", objects)["rabbitmq"]["spec"]["template"]["spec"]["containers"]
    mounted = {each["mountPath"]: each.get("subPath") for each in container["volumeMounts"]}
    assert "rabbitmq_stream" in re.findall(r"\w+", files[mounted["/etc/rabbitmq/enabled_plugins"]])
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    (port,) = (
        each
        for each in of_kind("Service", objects)["rabbitmq"]["spec"]["ports"]
        if each["targetPort"] == "stream" and ports["stream"] == PLAIN
    )
    lines = files["20-infirmary.conf"].splitlines()
    assert f"stream.listeners.tcp.default = {PLAIN}" in lines
    assert {"stream.advertised_host = rabbitmq", f"stream.advertised_port = {port['port']}"} <= set(lines)


def test_the_brokers_of_production_speak_it_and_show_a_certificate_for_the_names_that_they_advertise() -> None:
    (cluster,) = of_kind("RabbitmqCluster", documents("k8s/production/rabbitmq.yaml")).values()
    assert cluster["spec"]["rabbitmq"]["additionalPlugins"] == ["rabbitmq_stream"]
    # The operator calls a node rabbit@<pod>.<name>-nodes.<namespace>.
    certificate = of_kind("Certificate", documents("k8s/production/tls/certificates.yaml"))["hospital"]
    assert f"*.{cluster['metadata']['name']}-nodes.infirmary" in certificate["spec"]["dnsNames"]


@pytest.mark.parametrize("policy", [policy_of_development, policy_in_production])
def test_a_broker_lets_those_in_who_write_logs_and_those_who_read_them(policy: Callable[[], Object]) -> None:
    rules = [
        rule
        for rule in policy()["spec"]["ingress"]
        if {PLAIN, WITH_TLS} & {each["port"] for each in rule.get("ports", [])}
    ]
    (rule,) = rules
    (guests,) = rule["from"]
    assert guests["podSelector"] == {
        "matchLabels": {"infirmary.dev/broker": "rabbitmq"},
        "matchExpressions": WRITERS_AND_READERS,
    }


@pytest.mark.parametrize("production", [False, True], ids=["development", "production"])
@pytest.mark.parametrize("name", [service.name for service in SERVICES])
def test_a_service_reaches_it_from_where_logs_are_written_and_read(name: str, production: bool) -> None:
    policies = of_kind("NetworkPolicy", service(name, production=production))
    assert set(policies) == {name, f"{name}-logs"} | ({f"{name}-identity"} if production else set())
    logs, everything = policies[f"{name}-logs"]["spec"], policies[name]["spec"]
    assert logs["podSelector"]["matchExpressions"] == WRITERS_AND_READERS
    (rule,) = logs["egress"]
    assert rule["ports"] == [{"port": PLAIN}]
    brokers = {"app.kubernetes.io/name": "hospital" if production else "rabbitmq"}
    assert rule["to"] == [{"podSelector": {"matchLabels": brokers}}]
    assert not [each for each in everything["egress"] if {"port": PLAIN} in each["ports"]]


def test_relay_and_consumer_are_told_where_it_is_spoken() -> None:
    assert variables("relay")["RABBITMQ_STREAM_PORT"] == variables("consumer")["RABBITMQ_STREAM_PORT"] == str(PLAIN)
    assert "RABBITMQ_STREAM_PORT" not in variables("api")
    with_tls = ("--set", f"broker.streamPort={WITH_TLS}")
    assert variables("relay", *with_tls, production=True)["RABBITMQ_STREAM_PORT"] == str(WITH_TLS)


def test_a_broker_that_does_not_speak_it_is_neither_asked_nor_reached() -> None:
    objects = service("billing", "--set", "broker.streamPort=0")
    assert set(of_kind("NetworkPolicy", objects)) == {"billing"}
    assert variables("consumer", "--set", "broker.streamPort=0")["RABBITMQ_STREAM_PORT"] == "0"


def test_a_setting_of_a_services_own_goes_before_the_brokers_value() -> None:
    own = ("--set", "settings.RABBITMQ_STREAM_PORT=0")
    assert "RABBITMQ_STREAM_PORT" not in variables("relay", *own)
    assert of_kind("ConfigMap", service("billing", *own))["billing"]["data"]["RABBITMQ_STREAM_PORT"] == "0"
