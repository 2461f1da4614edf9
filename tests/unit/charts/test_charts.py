"""What must hold for everything that the charts render, and that the files beside them agree with each other."""

import json
import subprocess
from typing import Any

import pytest

from local.topology import NODE_PORT_BASE, SERVICES, Service
from scripts.chart_readme import CHARTS, NAMES, readme, values
from tests.unit.charts.rendering import (
    infrastructure,
    lint,
    needs_helm,
    of_kind,
    pod_specs,
    render,
    service,
    values_of,
)

pytestmark = needs_helm

each_service = pytest.mark.parametrize("each", SERVICES, ids=lambda each: each.name)


@pytest.mark.parametrize("production", [False, True], ids=["development", "production"])
@each_service
def test_helm_finds_no_fault_with_the_values_of_a_service(each: Service, production: bool) -> None:
    lint("service", *values_of(each.name, production=production))


def test_helm_finds_no_fault_with_the_servers() -> None:
    lint("infra")


@each_service
def test_a_service_consists_of_its_roles(each: Service) -> None:
    deployments = of_kind("Deployment", service(each.name))
    assert set(deployments) == {f"{each.name}-{role}" for role in each.roles}


@each_service
def test_the_ports_are_those_of_the_port_plan(each: Service) -> None:
    port = of_kind("Service", service(each.name))[each.name]["spec"]["ports"][0]
    assert port["nodePort"] == NODE_PORT_BASE + each.number


@pytest.mark.parametrize("production", [False, True], ids=["development", "production"])
@each_service
def test_every_pod_is_restricted(each: Service, production: bool) -> None:
    for pod in pod_specs(service(each.name, production=production)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"].keys() == {"requests", "limits"}


def test_the_servers_are_restricted_too() -> None:
    for pod in pod_specs(infrastructure()):
        assert pod["securityContext"]["runAsNonRoot"]
        assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in pod["containers"])


@each_service
def test_the_migration_stands_on_nothing_of_its_release(each: Service) -> None:
    objects = service(each.name)
    (pod,) = (job["spec"]["template"]["spec"] for job in of_kind("Job", objects).values())
    container = pod["containers"][0]
    assert "envFrom" not in container
    assert pod["serviceAccountName"] == "default"
    made_here = {*of_kind("Secret", objects), *of_kind("ConfigMap", objects)}
    assert not made_here & {
        variable["valueFrom"]["secretKeyRef"]["name"] for variable in container["env"] if "valueFrom" in variable
    }


@pytest.mark.parametrize(
    "typo",
    [
        "api.replica=2",
        "relays.replicas=2",
        "database.nme=x",
        "settings.lower=x",
        "api.nodePort=80",
        "podLabels.app\\.kubernetes\\.io/name=x",
    ],
)
def test_a_typo_is_refused(typo: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        service("ward", "--set", typo)
    assert "values don't meet the specifications of the schema" in refused.value.stderr


def test_production_scales_by_itself_and_opens_no_port_of_a_node() -> None:
    objects = service("billing", production=True)
    assert set(of_kind("HorizontalPodAutoscaler", objects)) == {"billing-api"}
    assert set(of_kind("ScaledObject", objects)) == {"billing-consumer", "billing-relay"}
    assert of_kind("Service", objects)["billing"]["spec"]["type"] == "ClusterIP"
    assert "replicas" not in of_kind("Deployment", objects)["billing-api"]["spec"]


def test_the_day_may_delete_pods_only_where_it_was_asked_to_kill() -> None:
    assert _with_a_token(infrastructure()) == {"prometheus"}
    assert not any("delete" in role["rules"][0]["verbs"] for role in of_kind("Role", infrastructure()).values())
    objects = render("infra", "--set", "day.killsPods=true")
    assert _with_a_token(objects) == {"prometheus", "day-in-the-hospital"}
    may_delete = [name for name, role in of_kind("Role", objects).items() if "delete" in role["rules"][0]["verbs"]]
    assert may_delete == ["day-in-the-hospital"]


@pytest.mark.parametrize("kills", ["true", "false"])
def test_the_days_log_is_printed_once(kills: str) -> None:
    """Helm prints the log of a pod for each hook of its name, and fails where there is no such pod any more."""
    objects = [*render("infra", "--set", f"day.killsPods={kills}"), *service("ward")]
    annotations = [each["metadata"].get("annotations", {}) for each in objects]
    tests = [each for each in annotations if "test" in each.get("helm.sh/hook", "")]
    assert [each["helm.sh/hook-delete-policy"] for each in tests] == ["before-hook-creation"] * 2


def _with_a_token(objects: list[dict[str, Any]]) -> set[str | None]:
    return {
        pod.get("serviceAccountName") for pod in pod_specs(objects) if pod.get("automountServiceAccountToken", True)
    }


@pytest.mark.parametrize("chart", NAMES)
def test_a_charts_readme_is_that_of_its_values(chart: str) -> None:
    assert (CHARTS / chart / "README.md").read_text() == readme(chart), "run `python -m scripts.chart_readme`"
    known = {path.split(".")[0] for path, _, _ in values((CHARTS / chart / "values.yaml").read_text())}
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    assert known | {"global"} == set(schema["properties"]) | {"global"}


def test_a_command_of_somebody_elses_gets_no_arguments_of_ours() -> None:
    objects = render(
        "service", "--set", "service=canteen,database.name=meals,migration.enabled=false,consumer.enabled=false",
        "--set", "relay.enabled=false,api.command={gunicorn,canteen:app}",
    )  # fmt: skip
    (pod,) = (each["spec"]["template"]["spec"] for each in of_kind("Deployment", objects).values())
    assert pod["containers"][0]["command"] == ["gunicorn", "canteen:app"]
    assert "args" not in pod["containers"][0]


def test_a_service_of_somebody_elses_needs_three_values() -> None:
    objects = render(
        "service", "--set", "service=pharmacist,database.name=counsellings,relay.enabled=false",
        "--set", "credentials.database.url=postgresql://u:p@h/counsellings,credentials.broker.url=amqp://u:p@h/v",
    )  # fmt: skip
    secret = of_kind("Secret", objects)["pharmacist-own-credentials"]
    assert secret["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert set(secret["stringData"]) == {"DATABASE_URL", "RABBITMQ_URL"}


def addresses(pod: dict[str, Any]) -> dict[str, str]:
    """Where a container's addresses come from: "secret/key" by the name of the variable."""
    variables = pod["containers"][0]["env"]
    found = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in variables if "secretKeyRef" in str(each)}
    return {name: f"{key['name']}/{key['key']}" for name, key in found.items() if name.endswith("_URL")}


@each_service
def test_each_process_has_a_database_role_of_its_own_and_the_owners_is_for_the_migration(each: Service) -> None:
    pods = pods_of(service(each.name))
    owners = f"{each.name}-credentials/DATABASE_URL"
    broker = {"RABBITMQ_URL": f"{each.name}-credentials/RABBITMQ_URL"}
    assert addresses(pods.pop("migration")) == {"DATABASE_URL": owners, **broker}
    assert pods.keys() == {str(role) for role in each.roles}
    made = of_kind("Secret", infrastructure())
    for role, pod in pods.items():
        own = {"DATABASE_URL": f"{each.name}-{role}-credentials/DATABASE_URL"}
        assert addresses(pod) == (own if role == "api" else own | broker)
        url = made[f"{each.name}-{role}-credentials"]["stringData"]["DATABASE_URL"]
        assert url.startswith(f"{each.engine}://{each.database}_{role}:")


def test_a_consumer_that_restores_by_itself_has_the_owners_address_beside_its_own() -> None:
    for where in ("settings", "consumer.settings"):
        pods = pods_of(service("ward", "--set", f"{where}.RESTORE=automatic"))
        assert addresses(pods["consumer"]).get("OWNER_DATABASE_URL") == "ward-credentials/DATABASE_URL"
        assert "OWNER_DATABASE_URL" not in {**addresses(pods["api"]), **addresses(pods["relay"])}


def test_a_service_that_says_nothing_of_roles_is_the_owner_everywhere() -> None:
    objects = render("service", "--set", "service=canteen,database.name=meals")
    found = {addresses(pod)["DATABASE_URL"] for pod in pods_of(objects).values()}
    assert found == {"canteen-credentials/DATABASE_URL"}


def pods_of(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the pods of a service by their component."""
    templates = [each["spec"]["template"] for kind in ("Deployment", "Job") for each in of_kind(kind, objects).values()]
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"] for each in templates}
