"""Pods name an image by its digest where a registry has given it one, and by its tag where it was built for here."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from local.topology import SERVICES
from tests.unit.charts.rendering import ROOT, needs_helm, pod_specs, service

pytestmark = needs_helm

DIGEST = f"sha256:{'7' * 64}"
RELEASES: Mapping[str, Mapping[str, Any]] = {
    release["name"]: release
    for document in yaml.safe_load_all((ROOT / "skaffold.yaml").read_text())
    for release in document["deploy"]["helm"]["releases"]
}


def images(name: str, digest: str) -> set[str]:
    """Returns the images of a service's pods in production, with what skaffold says of each: `digest` may be empty."""
    said = {"REPO": "registry.example.org/one", "TAG": "a-tag", "DIGEST": digest}
    arguments: list[str] = []
    for key, template in RELEASES[name]["setValueTemplates"].items():
        value = re.sub(r"\{\{\.IMAGE_([A-Z]+)_\w+\}\}", lambda found: said[found[1]], template)
        arguments += ["--set", f"{key}={value}"]
    specs = pod_specs(service(name, *arguments, production=True))
    return {container["image"] for spec in specs for container in spec["containers"]}


@pytest.mark.parametrize("each", SERVICES, ids=lambda each: each.name)
@pytest.mark.parametrize(("digest", "named"), [(DIGEST, f"@{DIGEST}"), ("", ":a-tag")], ids=["pushed", "local"])
def test_images_are_named_by_digest_where_they_have_one(each: Any, digest: str, named: str) -> None:
    assert images(each.name, digest) == {f"registry.example.org/one{named}"}
