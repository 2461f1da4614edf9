"""Each process is probed and scraped where no client reaches it."""

from typing import Any

from tests.unit.charts.rendering import needs_helm, of_kind, service

pytestmark = needs_helm

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def pod(role: str, *values: str) -> dict[str, Any]:
    template: dict[str, Any] = of_kind("Deployment", service("ward", *values))[f"ward-{role}"]["spec"]["template"]
    return template


def test_a_process_is_probed_and_scraped_on_the_port_that_it_is_told_to_use() -> None:
    for role in ("api", "consumer", "relay"):
        template = pod(role, "--set", "api.metricsPort=9191,consumer.port=9192,relay.port=9193")
        (container,) = template["spec"]["containers"]
        environment = {each["name"]: each.get("value") for each in container["env"]}
        ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
        annotated = template["metadata"]["annotations"]["prometheus.io/port"]
        assert environment["METRICS_PORT"] == ports["metrics"] == annotated
        assert {container[probe]["httpGet"]["port"] for probe in PROBES} == {"metrics"}
        assert (role == "api") == ("http" in ports)


def test_the_prometheus_operator_finds_the_same_port() -> None:
    (monitor,) = of_kind("PodMonitor", service("ward", "--set", "monitoring.podMonitor=true")).values()
    assert [each["port"] for each in monitor["spec"]["podMetricsEndpoints"]] == ["metrics"]


def test_clients_reach_the_api_and_prometheus_the_metrics() -> None:
    policy = of_kind("NetworkPolicy", service("ward", "--set", "api.metricsPort=9191"))["ward"]
    everybody, prometheus = policy["spec"]["ingress"]
    assert ("from" in everybody, everybody["ports"]) == (False, [{"port": 8080}])
    assert ("from" in prometheus, prometheus["ports"]) == (True, [{"port": 9191}, {"port": 9090}])
    assert of_kind("Service", service("ward"))["ward"]["spec"]["ports"][0]["targetPort"] == "http"


def test_an_api_without_such_a_port_is_probed_where_it_answers_and_not_scraped() -> None:
    template = pod("api", "--set", "api.metricsPort=null")
    (container,) = template["spec"]["containers"]
    assert {container[probe]["httpGet"]["port"] for probe in PROBES} == {"http"}
    assert "METRICS_PORT" not in {each["name"] for each in container["env"]}
    assert "prometheus.io/scrape" not in template["metadata"]["annotations"]
