"""Traces in the charts: Zipkin comes with the development chart, and services find it, or the store that is named."""

import subprocess
from typing import Any

import pytest

from tests.unit.charts.rendering import infrastructure, needs_helm, of_kind, pod_specs, render, service

pytestmark = needs_helm


def configuration(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Returns the TRACE_* variables of the ConfigMaps."""
    return {
        name: value
        for each in of_kind("ConfigMap", objects).values()
        for name, value in each["data"].items()
        if name.startswith("TRACE_")
    }


def from_secrets(objects: list[dict[str, Any]]) -> list[set[str]]:
    """Returns, of each pod, the TRACE_* variables that it takes from a Secret."""
    return [
        {
            each["name"]
            for container in pod["containers"]
            for each in container.get("env", [])
            if each["name"].startswith("TRACE_") and "valueFrom" in each
        }
        for pod in pod_specs(objects)
    ]


def test_the_development_chart_brings_a_zipkin_that_is_nobody_and_reaches_nobody() -> None:
    objects = infrastructure()
    pod = of_kind("Deployment", objects)["zipkin"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "openzipkin/zipkin:3"
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    policy = of_kind("NetworkPolicy", objects)["zipkin"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy


def test_without_it_nobody_is_told_of_it() -> None:
    objects = render("infra", "--set", "zipkin.enabled=false")
    assert not [each for each in objects if each["metadata"]["name"] == "zipkin"]
    assert of_kind("Secret", objects)["ward-credentials"]["stringData"]["TRACE_EXPORTER"] == "none"


def test_services_find_it_by_their_secret() -> None:
    secret = of_kind("Secret", infrastructure())["ward-credentials"]["stringData"]
    assert (secret["TRACE_EXPORTER"], secret["TRACE_ENDPOINT"]) == ("zipkin", "http://zipkin:9411")
    taken = [names for names in from_secrets(service("ward")) if names]
    assert taken == [{"TRACE_EXPORTER", "TRACE_ENDPOINT"}] * 4, "API, consumer, relay and migration"
    assert configuration(service("ward")) == {}


def test_a_store_that_is_named_takes_its_place() -> None:
    named = ("--set", "traces.exporter=otlp,traces.endpoint=http://collector:4318,traces.ratio=0.25,traces.port=4318")
    objects = service("ward", *named)
    assert configuration(objects) == {
        "TRACE_EXPORTER": "otlp",
        "TRACE_ENDPOINT": "http://collector:4318",
        "TRACE_RATIO": "0.25",
    }
    assert not any(from_secrets(objects))
    assert {"port": 4318} in reachable(objects)


def test_without_traces_the_network_leads_to_no_store() -> None:
    assert {"port": 9411} in reachable(service("ward"))
    assert {"port": 9411} not in reachable(service("ward", "--set", "traces.exporter=none"))


@pytest.mark.parametrize("wrong", ["exporter=jaeger", "ratio=2", "ratio=many", "endpoint=zipkin:9411"])
def test_what_no_process_could_read_is_refused(wrong: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        service("ward", "--set", f"traces.{wrong}")


def reachable(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the ports that the service's network policy leads to."""
    egress = of_kind("NetworkPolicy", objects)["ward"]["spec"]["egress"]
    return [port for rule in egress for port in rule["ports"]]
