"""Services are told their provider of identities, and their APIs, and nobody else, are let through to it."""

import subprocess
from typing import Any

import pytest

from tests.unit.charts.rendering import needs_helm, of_kind, render, service

pytestmark = needs_helm

PROVIDER = ("--set", "identity.issuer=https://identity.example.org/realms/hospital")
STRANGER = ("--set", "service=canteen,database.name=meals,environment=production")


def way_out(*values: str) -> Any:
    """Returns the one rule of the policy that leads to the provider."""
    policy = of_kind("NetworkPolicy", service("ward", *values))["ward-identity"]["spec"]
    assert policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "api"
    assert policy["policyTypes"] == ["Egress"]
    (rule,) = policy["egress"]
    return rule


def test_every_process_is_told_who_lets_people_in() -> None:
    told = of_kind("ConfigMap", service("ward", *PROVIDER, "--set", "identity.audience=ours"))["ward"]["data"]
    assert (told["OIDC_ISSUER"], told["OIDC_AUDIENCE"]) == ("https://identity.example.org/realms/hospital", "ours")
    job = of_kind("Job", service("ward", *PROVIDER))["ward-migration"]["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "OIDC_ISSUER", "value": told["OIDC_ISSUER"]} in job["env"], "a bad one ends with the migration"


def test_without_a_provider_nobody_is_told_of_one_and_nobody_is_let_out() -> None:
    objects = service("ward")
    assert not [name for name in of_kind("ConfigMap", objects)["ward"]["data"] if name.startswith("OIDC")]
    assert "ward-identity" not in of_kind("NetworkPolicy", objects)
    assert "ward-identity" not in of_kind(
        "NetworkPolicy", service("ward", *PROVIDER, "--set", "networkPolicy.enabled=false")
    )


@pytest.mark.parametrize(
    ("issuer", "more", "port"),
    [
        ("https://identity.example.org/realms/hospital", "", 443),
        ("http://keycloak/realms/hospital", "", 80),
        ("http://keycloak:8080/realms/hospital", "", 8080),
        ("https://[2001:db8::1]/realms/hospital", "", 443),
        ("https://identity.example.org", ",identity.port=8443", 8443),
    ],
)
def test_the_way_to_the_provider_leads_to_its_port(issuer: str, more: str, port: int) -> None:
    assert way_out("--set", f"identity.issuer={issuer}{more}")["ports"] == [{"port": port}]


def test_the_provider_is_a_pod_or_is_at_addresses() -> None:
    ours = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "keycloak"}}}
    assert way_out(*PROVIDER)["to"] == [ours]
    elsewhere = {"namespaceSelector": {"matchLabels": {"team": "people"}}}
    assert way_out(*PROVIDER, "--set", "identity.namespaceSelector.team=people")["to"] == [ours | elsewhere]
    addresses = ("--set", "identity.addresses={192.0.2.10/32,2001:db8::/64}")
    assert way_out(*PROVIDER, *addresses)["to"] == [
        {"ipBlock": {"cidr": "192.0.2.10/32"}},
        {"ipBlock": {"cidr": "2001:db8::/64"}},
    ]


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("identity.ca.configMap=ours", {"configMap": {"name": "ours"}}),
        ("identity.ca.secret=ours", {"secret": {"secretName": "ours"}}),
    ],
)
def test_an_api_alone_trusts_the_providers_authority(value: str, source: dict[str, dict[str, Any]]) -> None:
    deployments = of_kind("Deployment", service("ward", *PROVIDER, "--set", value))
    trusting = {}
    for name, deployment in deployments.items():
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        variables = {each["name"]: each.get("value") for each in container["env"]}
        if "SSL_CERT_FILE" not in variables:
            continue
        mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        volume = {each["name"]: each for each in pod["volumes"]}[
            mounts[str(variables["SSL_CERT_FILE"]).removesuffix("/ca.crt")]
        ]
        trusting[name] = {key: found for key, found in volume.items() if key != "name"}
    ((kind, said),) = source.items()
    assert trusting == {"ward-api": {kind: {**said, "items": [{"key": "ca.crt", "path": "ca.crt"}]}}}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (STRANGER, "identity.issuer: production lets people in by the tokens of a provider alone"),
        ((*STRANGER, "--set", "identity.issuer=http://keycloak"), "begins with https://"),
        (("--set", "identity.issuer=keycloak"), "should be the URL of a provider"),
        ((*PROVIDER, "--set", "identity.ca.secret=a,identity.ca.configMap=b"), "a configMap or a secret, not both"),
        ((*PROVIDER, "--set", "identity.addresses={192.0.2.10}"), "addresses"),
        ((*PROVIDER, "--set", "identity.issuers=x"), "issuers"),
    ],
)
def test_helm_says_what_is_wrong_before_anything_is_installed(values: tuple[str, ...], why: str) -> None:
    base = () if "service=canteen" in values[1] else ("--set", "service=ward,database.name=wards")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        render("service", *base, *values)
    assert why in refused.value.stderr


def test_production_names_its_provider_by_the_setting_too() -> None:
    objects = render("service", *STRANGER, "--set", "settings.OIDC_ISSUER=https://identity.example.org")
    assert of_kind("ConfigMap", objects)["canteen"]["data"]["OIDC_ISSUER"] == "https://identity.example.org"
    assert "canteen-identity" in of_kind("NetworkPolicy", objects)
