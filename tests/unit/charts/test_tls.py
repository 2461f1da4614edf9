"""TLS as a switch: with it nobody can be spoken to without, and whoever speaks to somebody knows whom to trust."""

import functools
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from local.topology import SERVICES, Role, Service
from tests.unit.charts.rendering import ROOT, needs_helm, of_kind, pod_specs, render, service

pytestmark = needs_helm

PLAIN = {80, 5552, 5672, 8080, 15672}
AUTHORITY = {"secretName": "hospital-authority", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
ON = "tls.enabled=true"

each_service = pytest.mark.parametrize("each", SERVICES, ids=lambda each: each.name)

Object = dict[str, Any]


@functools.cache
def servers(*values: str) -> list[Object]:
    return render("infra", *(word for value in (ON, "keycloak.enabled=true", *values) for word in ("--set", value)))


def ports(objects: list[Object]) -> Iterator[int]:
    """Yields every port that an object opens, leads to or lets through, but those on which an API listens."""
    for each in of_kind("Service", objects).values():
        yield from (port["port"] for port in each["spec"]["ports"])
    for each in of_kind("NetworkPolicy", objects).values():
        for rule in (*each["spec"].get("ingress", []), *each["spec"].get("egress", [])):
            yield from (port["port"] for port in rule.get("ports", []))


def volumes(pod: Object) -> dict[str, Object]:
    """Returns what a pod's first container has mounted, by the folder."""
    found = {each["name"]: each for each in pod["volumes"]}
    return {each["mountPath"]: found[each["name"]] for each in pod["containers"][0]["volumeMounts"]}


def variables(pod: Object) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}


def certified(objects: list[Object]) -> set[str]:
    """Returns the Secrets that the Job makes."""
    (container,) = of_kind("Job", objects)["certificates"]["spec"]["template"]["spec"]["containers"]
    return {f"{host}-tls" for host in container["args"]}


def test_no_server_has_a_plain_port() -> None:
    assert not PLAIN & set(ports(servers()))
    opened = of_kind("ConfigMap", servers())["rabbitmq"]["data"]["20-infirmary.conf"].splitlines()
    assert {"listeners.tcp = none", "stream.listeners.tcp = none"} <= set(opened)
    # Asked over TLS, too, the broker tells readers of logs this host, and the port of TLS beside it.
    assert {"stream.advertised_host = rabbitmq", "stream.advertised_tls_port = 5551"} <= set(opened)
    lines = of_kind("ConfigMap", servers())["postgresql"]["data"]["pg_hba.conf"].splitlines()
    assert {line.split()[0] for line in lines} == {"local", "hostssl"}
    (mongodb,) = of_kind("StatefulSet", servers())["mongodb"]["spec"]["template"]["spec"]["containers"]
    assert "--tlsMode=requireTLS" in mongodb["args"]


@each_service
def test_no_service_has_a_plain_port_or_a_way_to_one(each: Service) -> None:
    objects = service(each.name, "--set", ON)
    assert PLAIN & set(ports(objects)) == {8080}, "on which the API itself listens"
    (port,) = of_kind("Service", objects)[each.name]["spec"]["ports"]
    assert (port["name"], port["port"]) == ("https", 443)


def test_every_address_asks_for_tls_and_a_name_that_is_right() -> None:
    found = [
        (key, urlsplit(value))
        for secret in of_kind("Secret", servers()).values()
        for key, value in secret["stringData"].items()
        if key in ("DATABASE_URL", "RABBITMQ_URL", "url")
    ]
    assert len(found) == 5 * len(SERVICES) + 2
    for _, url in found:
        asked = parse_qs(url.query)
        assert {
            "amqps": url.port == 5671,
            "postgresql": asked.get("sslmode") == ["verify-full"],
            "mongodb": asked.get("tls") == ["true"],
        }[url.scheme], url.scheme


@each_service
def test_every_process_knows_whom_to_trust(each: Service) -> None:
    objects = [each for each in service(each.name, "--set", ON) if each["kind"] != "Pod"]
    for pod in pod_specs(objects):
        for variable in ("RABBITMQ_CA_FILE", "DATABASE_CA_FILE"):
            folder = str(variables(pod)[variable]).removesuffix("/ca.crt")
            assert volumes(pod)[folder]["secret"] == AUTHORITY
        assert variables(pod).get("RABBITMQ_STREAM_PORT", "5551") == "5551"


@pytest.mark.parametrize("client", ["gap-auditor", "day-in-the-hospital", "postgresql-databases", "mongodb-databases"])
def test_clients_beside_the_services_know_it_too(client: str) -> None:
    objects = {each["metadata"]["name"]: each for each in servers() if each["kind"] in ("Deployment", "Job", "Pod")}
    (pod,) = pod_specs([objects[client]]) if objects[client]["kind"] != "Pod" else [objects[client]["spec"]]
    assert volumes(pod)["/etc/authority"]["secret"] == AUTHORITY
    assert "/etc/authority/ca.crt" in " ".join(str(value) for value in variables(pod).values())


def test_the_job_makes_the_certificate_of_everybody_who_shows_one_and_may_touch_no_other_secret() -> None:
    shown = {
        volume["secret"]["secretName"]
        for objects in (servers(), *(service(each.name, "--set", ON) for each in SERVICES))
        for pod in pod_specs(objects)
        for volume in pod.get("volumes", [])
        if volume["name"] == "certificate"
    }
    assert shown == certified(servers())
    (rule,) = of_kind("Role", servers())["certificates"]["rules"]
    assert set(rule["resourceNames"]) == {"hospital-authority", *shown}
    assert rule["verbs"] == ["get", "create", "patch"]


def test_certificates_are_made_before_the_servers_start_and_renewed_every_day() -> None:
    job, every_day = of_kind("Job", servers())["certificates"], of_kind("CronJob", servers())["certificates"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = every_day["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["initContainers"] == job["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in pod["containers"]} == {"postgresql", "mongodb"}, "who have to be told"


def test_an_api_alone_holds_its_key_and_a_test_its_authority() -> None:
    for pod in pod_specs(service("ward", "--set", ON)):
        secrets = [each["secret"] for each in pod["volumes"] if each.get("secret", {}).get("secretName") == "ward-tls"]
        (container,) = pod["containers"]
        if container["name"] == "api":
            assert secrets == [{"secretName": "ward-tls"}]
        elif container["name"] == "test":
            assert [each["items"] for each in secrets] == [[{"key": "ca.crt", "path": "ca.crt"}]]
        else:
            assert secrets == []


def test_what_is_said_of_one_server_goes_before_the_switch() -> None:
    own = "tls.broker.caSecret=rabbit,broker.port=5673,broker.streamPort=0,tls.api.secret=shown"
    objects = service("ward", "--set", f"{ON},{own}")
    pod = of_kind("Deployment", objects)["ward-api"]["spec"]["template"]["spec"]
    secrets = {name: volume["secret"]["secretName"] for name, volume in volumes(pod).items() if "secret" in volume}
    assert secrets == {
        "/etc/infirmary/broker": "rabbit",
        "/etc/infirmary/database": "hospital-authority",
        "/etc/infirmary/api": "shown",
    }
    assert {5673} == {port for port in ports(objects) if port in (5671, 5672, 5673)}
    assert "ward-logs" not in of_kind("NetworkPolicy", objects)


def test_the_switch_of_make_deploy_reaches_every_release() -> None:
    infra, services = yaml.safe_load_all((ROOT / "skaffold.yaml").read_text())
    of_infra, of_services = (
        {profile["name"]: profile for profile in config["profiles"]} for config in (infra, services)
    )
    switch = [{"env": "TLS=1"}]
    assert of_infra["tls"]["activation"] == of_services["tls"]["activation"] == switch
    (patch,) = of_infra["tls"]["patches"]
    assert (patch["path"], patch["value"]) == ("/deploy/helm/releases/0/setValues/tls.enabled", True)
    releases = services["deploy"]["helm"]["releases"]
    assert [each["path"] for each in of_services["tls"]["patches"]] == [
        f"/deploy/helm/releases/{place}/setValues" for place, _ in enumerate(releases)
    ]


def test_without_the_switch_nobody_makes_certificates() -> None:
    objects = render("infra")
    assert not of_kind("CronJob", objects)
    assert "certificates" not in {each["metadata"]["name"] for each in objects}
    assert not [each for pod in pod_specs(objects) for each in pod.get("volumes", []) if each["name"] == "authority"]


def test_an_upgrade_replaces_the_pods_whose_addresses_have_changed() -> None:
    """Those of Secrets that are there already only a cluster knows: there is a test on one."""

    def given(role: Role, *values: str) -> str:
        template = of_kind("Deployment", service("ward", *values))[f"ward-{role}"]["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/credentials"])

    for role in Role:
        known = {given(role, "--set", f"credentials.database.url=postgresql://w:{word}@h/w") for word in ("a", "b")}
        assert len({given(role), *known}) == 3
