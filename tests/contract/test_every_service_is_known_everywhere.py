"""Which services there are is said in services/services.toml; whatever else has to know each of them does.

A line that is missing is named, with the file that it is missing from.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.hospital import PUBLISHERS, READS
from infirmary import identifiers, registry
from local import topology
from local.plan import logs_read_by
from local.topology import DEFAULT_PORT_BASE, NODE_PORT_BASE, RECORDED_BY, SERVICES, Engine, Role, Service
from scripts.known_services.__main__ import differences

ROOT = Path(__file__).resolve().parents[2]

each_service = pytest.mark.parametrize("each", SERVICES, ids=lambda each: each.name)


def read(path: str) -> list[Any]:
    return list(yaml.safe_load_all((ROOT / path).read_text()))


def test_the_launcher_and_the_services_refuse_the_same_names() -> None:
    assert topology.TAKEN == identifiers.TAKEN


def test_what_is_a_package_is_a_service_of_the_launcher() -> None:
    assert registry.names() == sorted(service.name for service in SERVICES), "services.toml and services/ differ"


def test_what_is_generated_is_current() -> None:
    assert differences() == {}, "run `make services`"


@each_service
def test_it_has_a_relay_exactly_if_it_writes_to_a_log(each: Service) -> None:
    assert (Role.RELAY in each.roles) == bool(registry.logs_written_by(each.name, RECORDED_BY)), each.name


@each_service
def test_the_audit_knows_what_it_writes_and_reads(each: Service) -> None:
    publishes = f"{each.name}.events" in registry.logs_written_by(each.name)
    assert (each.name in PUBLISHERS, list(READS[each.name])) == (publishes, logs_read_by(each.name))


@each_service
def test_the_servers_know_it_and_its_database(each: Service) -> None:
    (values,) = read("charts/infra/values.yaml")
    engine = {"engine": "mongodb"} if each.engine is Engine.MONGODB else {}
    wanted = {"database": each.database, "reads": logs_read_by(each.name)} | engine
    assert values["services"].get(each.name) == wanted, f"charts/infra/values.yaml, services: {each.name}: {wanted}"


@each_service
def test_it_has_values_with_its_port(each: Service) -> None:
    path = f"charts/services/{each.name}.yaml"
    assert (ROOT / path).exists(), f"{path} is missing"
    (values,) = read(path)
    assert values["api"]["nodePort"] == NODE_PORT_BASE + each.number, (
        f"{path}, api: nodePort: {NODE_PORT_BASE + each.number}"
    )
    assert values["database"]["name"] == each.database, f"{path}, database: name: {each.database}"


@each_service
def test_kind_maps_its_port_to_localhost(each: Service) -> None:
    (cluster,) = read("k8s/kind.yaml")
    port = NODE_PORT_BASE + each.number
    mapped = {(each["containerPort"], each["hostPort"]) for each in cluster["nodes"][0]["extraPortMappings"]}
    for host_port in (DEFAULT_PORT_BASE + each.number, port):
        assert (port, host_port) in mapped, f"k8s/kind.yaml, containerPort: {port}, hostPort: {host_port}"


@each_service
def test_skaffold_builds_and_deploys_it(each: Service) -> None:
    _, services = read("skaffold.yaml")
    images = {artifact["image"] for artifact in services["build"]["artifacts"]}
    assert f"infirmary-{each.name}" in images, f"skaffold.yaml, artifacts: image: infirmary-{each.name}"
    assert each.name in _releases(services), f"skaffold.yaml, releases: name: {each.name}"


@each_service
def test_the_production_profile_gives_its_release_its_own_values(each: Service) -> None:
    _, services = read("skaffold.yaml")
    number = _releases(services).index(each.name)
    (production,) = (profile for profile in services["profiles"] if profile["name"] == "production")
    path = f"/deploy/helm/releases/{number}/valuesFiles/-"
    given = [patch["value"] for patch in production["patches"] if patch["path"] == path]
    wanted = ["charts/production/all.yaml", f"charts/production/{each.name}.yaml"]
    assert given == wanted, f"skaffold.yaml, profile production: {path} should get {wanted}"
    assert (ROOT / wanted[1]).exists(), f"{wanted[1]} is missing"


@each_service
def test_production_has_its_database(each: Service) -> None:
    (kustomization,) = read("k8s/production/kustomization.yaml")
    folder = "databases/" if each.engine is Engine.POSTGRESQL else ""
    path = f"{folder}{each.resource}.yaml"
    assert path in kustomization["resources"], f"k8s/production/kustomization.yaml, resources: {path}"
    assert (ROOT / "k8s/production" / path).exists(), f"k8s/production/{path} is missing"


def _releases(services: dict[str, Any]) -> list[str]:
    return [release["name"] for release in services["deploy"]["helm"]["releases"]]
