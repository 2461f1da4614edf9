"""What users of charts expect to be able to say reaches every pod of a service, the migration's included."""

import subprocess
from typing import Any

import pytest
import yaml

from local.topology import SERVICES
from tests.unit.charts.rendering import ROOT, infrastructure, needs_helm, of_kind, pod_specs, render, service

pytestmark = needs_helm


def pods(*values: str) -> list[dict[str, Any]]:
    """Returns the specifications of all pods but that of `helm test`."""
    return pod_specs([each for each in service("ward", *values) if each["kind"] != "Pod"])


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        ("nodeSelector.disk=ssd", "nodeSelector", {"disk": "ssd"}),
        ("tolerations[0].key=spot", "tolerations", [{"key": "spot"}]),
        ("affinity.podAffinity.x=y", "affinity", {"podAffinity": {"x": "y"}}),
        ("priorityClassName=high", "priorityClassName", "high"),
        ("imagePullSecrets[0].name=pull", "imagePullSecrets", [{"name": "pull"}]),
    ],
)
def test_a_pod_goes_where_it_is_sent(value: str, field: str, expected: object) -> None:
    assert [pod.get(field) for pod in pods("--set", value)] == [expected] * 4


def test_labels_and_annotations_of_somebodys_own_are_on_every_pod() -> None:
    objects = service("ward", "--set", "podLabels.team=night,podAnnotations.note=x")
    templates = [each["spec"]["template"]["metadata"] for each in objects if "template" in each.get("spec", {})]
    assert len(templates) == 4
    assert all(each["labels"]["team"] == "night" and each["annotations"]["note"] == "x" for each in templates)


def test_pods_are_spread_over_nodes_and_zones() -> None:
    deployment = of_kind("Deployment", service("ward"))["ward-api"]["spec"]["template"]["spec"]
    keys = [each["topologyKey"] for each in deployment["topologySpreadConstraints"]]
    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]


def test_a_platform_that_chooses_the_user_itself_can_have_it_so() -> None:
    for pod in pods("--set", "podSecurityContext.runAsUser=null,podSecurityContext.fsGroup=null"):
        assert "runAsUser" not in pod["securityContext"]
        assert "fsGroup" not in pod["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True


def test_volumes_and_secrets_of_somebodys_own_are_mounted_everywhere() -> None:
    values = (
        "--set", "extraVolumes[0].name=v,extraVolumes[0].secret.secretName=s",
        "--set", "extraVolumeMounts[0].name=v,extraVolumeMounts[0].mountPath=/v",
        "--set", "extraEnvFrom[0].secretRef.name=s",
    )  # fmt: skip
    for pod in pods(*values):
        assert {"name": "v", "secret": {"secretName": "s"}} in pod["volumes"]
        container = pod["containers"][0]
        assert {"name": "v", "mountPath": "/v"} in container["volumeMounts"]
        assert {"secretRef": {"name": "s"}} in container["envFrom"]


@pytest.mark.parametrize(
    ("values", "secrets"),
    [
        ("tls.caSecret=ours", {"RABBITMQ_CA_FILE": "ours", "DATABASE_CA_FILE": "ours"}),
        ("tls.broker.caSecret=rabbit", {"RABBITMQ_CA_FILE": "rabbit"}),
        ("tls.caSecret=ours,tls.database.caSecret=pg", {"RABBITMQ_CA_FILE": "ours", "DATABASE_CA_FILE": "pg"}),
    ],
)
def test_every_process_trusts_the_authorities_it_is_given(values: str, secrets: dict[str, str]) -> None:
    for pod in pods("--set", values):
        container = pod["containers"][0]
        files = {each["name"]: each["value"] for each in container["env"] if each["name"].endswith("_CA_FILE")}
        mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        volumes = {each["name"]: each.get("secret", {}) for each in pod["volumes"]}
        trusted = {name: volumes[mounts[file.removesuffix("/ca.crt")]] for name, file in files.items()}
        assert {name: each["secretName"] for name, each in trusted.items()} == secrets
        assert all(each["items"] == [{"key": "ca.crt", "path": "ca.crt"}] for each in trusted.values())


def test_an_api_with_a_certificate_is_asked_over_https_and_only_it_has_the_key() -> None:
    certificate = ("--set", "tls.api.secret=ward-tls")
    (exposed,) = of_kind("Service", service("ward", *certificate)).values()
    (port,) = exposed["spec"]["ports"]
    assert (port["name"], port["port"]) == ("https", 443)
    for pod in pods(*certificate):
        (container,) = pod["containers"]
        variables = {each["name"]: each.get("value") for each in container["env"]}
        mounted = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "certificate"]
        is_api = container["name"] == "api"
        assert (variables.get("HTTP_KEY_FILE"), mounted) == (
            ("/etc/infirmary/api/tls.key", ["/etc/infirmary/api"]) if is_api else (None, [])
        )


def test_a_rebuild_is_a_job_for_each_image_and_words_that_works_as_the_owner_and_reads_logs() -> None:
    def jobs(*values: str) -> dict[str, dict[str, Any]]:
        chosen = [word for value in values for word in ("--set", value)]
        found = of_kind("Job", service("chart", *chosen))
        return {name: job for name, job in found.items() if name.startswith("chart-rebuild-")}

    wanted = ("rebuild.enabled=true", "credentials.database.perProcess=true")
    assert jobs() == {}
    (name,) = jobs(*wanted)
    assert {name}.isdisjoint(jobs(*wanted, "image.tag=next"))
    assert {name}.isdisjoint(jobs(*wanted, "rebuild.args={--although-less}"))
    pod = jobs(*wanted)[name]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    (address,) = [each for each in container["env"] if each["name"] == "DATABASE_URL"]
    assert address["valueFrom"]["secretKeyRef"]["name"] == "chart-credentials"
    assert container["args"] == ["chart", "rebuild"]
    policy = of_kind("NetworkPolicy", service("chart"))["chart-logs"]["spec"]["podSelector"]
    assert pod["metadata"]["labels"].items() >= policy["matchLabels"].items()
    (readers,) = policy["matchExpressions"]
    assert pod["metadata"]["labels"][readers["key"]] in readers["values"]


def test_an_ingress_leads_to_the_api() -> None:
    objects = service(
        "ward", "--set", "ingress.enabled=true,ingress.className=nginx,ingress.hosts[0].host=ward.example"
    )
    spec = of_kind("Ingress", objects)["ward"]["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["rules"][0]["host"] == "ward.example"
    assert spec["rules"][0]["http"]["paths"][0]["backend"]["service"] == {"name": "ward", "port": {"name": "http"}}


def test_service_account_and_pod_monitor_carry_what_others_look_for() -> None:
    objects = service(
        "ward", "--set", "serviceAccount.annotations.role=r,api.service.annotations.lb=x,api.service.type=LoadBalancer",
        "--set", "monitoring.podMonitor=true,monitoring.podMonitorLabels.release=prometheus",
    )  # fmt: skip
    assert of_kind("ServiceAccount", objects)["ward"]["metadata"]["annotations"] == {"role": "r"}
    assert of_kind("Service", objects)["ward"]["metadata"]["annotations"] == {"lb": "x"}
    assert of_kind("Service", objects)["ward"]["spec"]["type"] == "LoadBalancer"
    assert of_kind("PodMonitor", objects)["ward"]["metadata"]["labels"]["release"] == "prometheus"


def test_the_auditor_of_gaps_reads_the_logs_of_all_services_of_the_values_a_tenth_one_too() -> None:
    objects = render("infra", "--set", "services.canteen.database=meals,services.canteen.reads={ward,ward.to.canteen}")
    pod = of_kind("Deployment", objects)["gap-auditor"]["spec"]["template"]["spec"]
    told = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert set(told["SERVICES"].split(",")) == {each.name for each in SERVICES} | {"canteen"}
    assert told["CANTEEN_READS"] == "ward,ward.to.canteen"
    assert pod["automountServiceAccountToken"] is False
    assert "gap-auditor" in of_kind("NetworkPolicy", infrastructure())


def test_an_api_is_told_the_names_that_it_can_be_asked_by() -> None:
    def hosts(*values: str, production: bool = False) -> str:
        data = of_kind("ConfigMap", service("ward", *values, production=production))["ward"]["data"]
        return str(data["HTTP_HOSTS"])

    assert hosts() == "ward.infirmary"
    ingress = ("--set", "ingress.enabled=true,ingress.hosts[0].host=a.example.org,ingress.hosts[1].host=b.example.org")
    assert hosts(*ingress) == "ward.infirmary,a.example.org,b.example.org"
    routes = yaml.safe_load_all((ROOT / "k8s/production/routes/routes.yaml").read_text())
    names = [name for route in routes for name in route["spec"]["hostnames"]]
    assert hosts(production=True) == ",".join(["ward.infirmary", *names])


def test_an_image_is_named_by_its_digest_where_one_is_said() -> None:
    ours, relays = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    images = {
        pod["containers"][0]["image"] for pod in pods("--set", f"image.digest={ours},relay.image.digest={relays}")
    }
    assert images == {f"infirmary-ward@{ours}", f"infirmary-relay@{relays}"}
    with pytest.raises(subprocess.CalledProcessError):
        pods("--set", "image.digest=latest")
