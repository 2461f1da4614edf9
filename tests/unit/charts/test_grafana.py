"""Grafana in the development chart: what it shows, whom it reaches, and that it can be left out."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.page import DOCS
from tests.unit.charts.rendering import ROOT, infrastructure, needs_helm, of_kind, render

pytestmark = needs_helm

FOLDER = ROOT / "k8s" / "dashboards"
COMMITTED = {path.name: path.read_text() for path in FOLDER.glob("*.json")}


def shown(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Returns the files of all ConfigMaps that a sidecar of Grafana would take."""
    found: dict[str, str] = {}
    for each in of_kind("ConfigMap", objects).values():
        if each["metadata"]["labels"].get("grafana_dashboard") == "1":
            found |= each["data"]
    return found


def test_the_dashboards_are_those_that_are_committed_with_grafana_and_without_it() -> None:
    assert shown(infrastructure()) == COMMITTED
    assert shown(render("infra", "--set", "grafana.enabled=false")) == COMMITTED


def test_a_packaged_chart_has_them_as_well(tmp_path: Path) -> None:
    subprocess.run(["helm", "package", "charts/infra", "--destination", tmp_path], check=True, cwd=ROOT)
    (archive,) = tmp_path.iterdir()
    with tarfile.open(archive) as files:
        assert {f"infra/dashboards/{name}" for name in COMMITTED} <= set(files.getnames())


def test_kustomize_makes_the_same_of_them() -> None:
    made = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert made["generatorOptions"]["labels"]["grafana_dashboard"] == "1"
    by_name = {each["name"]: each["files"] for each in made["configMapGenerator"]}
    assert by_name == {f"dashboard-{name.removesuffix('.json')}": [name] for name in COMMITTED}


def test_the_links_lead_to_where_the_pages_are_said_to_be() -> None:
    assert of_kind("ConfigMap", infrastructure())["dashboard-home"]["data"]["home.json"].count(DOCS) == 3
    elsewhere = "https://pages.example.org/"
    for text in shown(render("infra", "--set", f"grafana.docs={elsewhere}")).values():
        assert DOCS not in text
        assert text.count(elsewhere) == 3
    with pytest.raises(subprocess.CalledProcessError, match="1"):
        render("infra", "--set", "grafana.docs=pages")


def test_grafana_has_every_dashboard_and_begins_with_the_home() -> None:
    pod = of_kind("Deployment", infrastructure())["grafana"]["spec"]["template"]["spec"]
    (volume,) = (each for each in pod["volumes"] if each["name"] == "dashboards")
    mounted = {source["configMap"]["name"] for source in volume["projected"]["sources"]}
    assert mounted == {f"dashboard-{name.removesuffix('.json')}" for name in COMMITTED}
    (container,) = pod["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    (path,) = (each["mountPath"] for each in container["volumeMounts"] if each["name"] == "dashboards")
    assert environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{path}/home.json"
    provided = yaml.safe_load(of_kind("ConfigMap", infrastructure())["grafana"]["data"]["dashboards.yaml"])
    assert [provider["options"]["path"] for provider in provided["providers"]] == [path]


def test_grafana_asks_the_prometheus_that_is_there_and_reaches_nobody_else() -> None:
    given = yaml.safe_load(of_kind("ConfigMap", infrastructure())["grafana"]["data"]["datasources.yaml"])
    urls = {each["url"] for each in given["datasources"]}
    services = of_kind("Service", infrastructure())
    reached = set()
    for rule in of_kind("NetworkPolicy", infrastructure())["grafana"]["spec"]["egress"]:
        for peer in rule["to"]:
            name = peer["podSelector"]["matchLabels"].get("app.kubernetes.io/name")
            if name is not None:
                reached |= {f"http://{name}:{port['port']}" for port in rule["ports"]}
    assert "http://prometheus:9090" in urls
    assert urls == reached
    for url in urls:
        name, _, port = url.removeprefix("http://").partition(":")
        assert int(port) in {each["port"] for each in services[name]["spec"]["ports"]}


def test_nothing_of_the_server_is_left_where_it_is_not_wanted() -> None:
    objects = render("infra", "--set", "grafana.enabled=false")
    assert not [each for each in objects if each["metadata"]["name"].startswith("grafana")]


def test_a_cluster_without_its_image_is_deployed_to_without_it() -> None:
    infra, _ = yaml.safe_load_all((ROOT / "skaffold.yaml").read_text())
    (offline,) = (each for each in infra["profiles"] if each["name"] == "offline")
    assert offline["activation"] == [{"kubeContext": "kind-test"}]
    assert offline["patches"][0]["value"]["grafana.enabled"] is False


def test_a_release_does_not_outgrow_what_kubernetes_keeps_of_it() -> None:
    """A ConfigMap may have 1 MiB, and so may the Secret that helm keeps of a release, compressed."""
    assert max(len(json.dumps(text)) for text in COMMITTED.values()) < 500_000
