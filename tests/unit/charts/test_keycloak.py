"""Keycloak in the development chart: its realm is what roles.toml says, and nobody knows its passwords beforehand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.issuer.roles import EVERYTHING, roles_of
from scripts.known_services.realm import AUDIENCE, realm
from tests.unit.charts.rendering import ROOT, infrastructure, needs_helm, of_kind, pod_specs, render

COMMITTED = (ROOT / "charts/infra/files/realm.json").read_text()

scopes = st.sets(st.sampled_from(["patients:read", "wards:read", "wards:write", "lab-results:write"]))
some_roles = st.dictionaries(st.sampled_from(["doctor", "ward-clerk", "machine"]), scopes)


def scopes_given(imported: dict[str, Any], role: str) -> set[str]:
    """Returns the scopes that Keycloak puts into the token of whoever has a role: those mapped to it."""
    return {each["clientScope"] for each in imported["clientScopeMappings"][AUDIENCE] if role in each["roles"]}


@given(some_roles, scopes)
def test_a_token_holds_the_scopes_of_its_bearers_roles_and_no_other(
    roles: dict[str, set[str]], alone: set[str]
) -> None:
    everything = set().union(alone, *roles.values())
    imported = realm({**roles, EVERYTHING: everything})
    assert {role: scopes_given(imported, role) for role in roles} == roles
    # A client scope without any role would be everybody's.
    known = {each["name"] for each in imported["roles"]["client"][AUDIENCE]}
    mapped = imported["clientScopeMappings"][AUDIENCE]
    assert {each["clientScope"] for each in mapped} == everything
    assert all(each["roles"] and known.issuperset(each["roles"]) for each in mapped)


def test_the_committed_realm_knows_every_role_and_scope() -> None:
    roles, imported = roles_of(), json.loads(COMMITTED)
    assert {role: scopes_given(imported, role) for role in roles if role != EVERYTHING} == {
        role: set(having) for role, having in roles.items() if role != EVERYTHING
    }
    declared = {each["name"] for each in imported["clientScopes"]}
    for client in imported["clients"]:
        assert declared.issuperset(client.get("defaultClientScopes", []))
    (erasing,) = (each for each in imported["clientScopeMappings"][AUDIENCE] if each["clientScope"] == "patients:erase")
    assert erasing["roles"] == ["patients:erase"], "by hand, beside a role"


def test_who_logs_in_from_a_page_has_no_secret_and_has_to_prove_each_login_its_own() -> None:
    clients = {each["clientId"]: each for each in json.loads(COMMITTED)["clients"]}
    docs, machine = clients["docs"], clients["machine"]
    assert docs["publicClient"] is True
    assert docs["attributes"]["pkce.code.challenge.method"] == "S256"
    assert all(uri.endswith("/docs/oauth2-redirect.html") for uri in docs["redirectUris"]), "no pattern"
    assert (machine["publicClient"], machine["standardFlowEnabled"]) == (False, False)
    assert not any(each.get("directAccessGrantsEnabled") for each in clients.values()), "no password to any client"


def test_every_secret_of_the_realm_is_a_place_to_be_filled_in() -> None:
    imported = json.loads(COMMITTED)
    values = [credential["value"] for user in imported["users"] for credential in user.get("credentials", [])]
    values += [client["secret"] for client in imported["clients"] if "secret" in client]
    assert set(values) == {"${PEOPLE_PASSWORD}", "${MACHINE_SECRET}"}


@needs_helm
def test_it_is_there_when_it_is_asked_for() -> None:
    assert not [each for each in infrastructure() if each["metadata"]["name"].startswith("keycloak")]


@pytest.fixture(scope="module")
def with_keycloak() -> list[dict[str, Any]]:
    return render("infra", "--set", "keycloak.enabled=true,keycloak.url=http://login:8080")


@needs_helm
def test_it_imports_the_realm_as_nobody_and_reaches_nobody(with_keycloak: list[dict[str, Any]]) -> None:
    assert of_kind("ConfigMap", with_keycloak)["keycloak-realm"]["data"] == {"hospital.json": COMMITTED}
    pods = [
        each for each in pod_specs(with_keycloak) if any(c["name"] == "keycloak" for c in each.get("containers", []))
    ]
    (pod,) = pods
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"]
    policy = of_kind("NetworkPolicy", with_keycloak)["keycloak"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy


@needs_helm
def test_what_it_fills_in_is_made_for_each_cluster(with_keycloak: list[dict[str, Any]]) -> None:
    deployment = of_kind("Deployment", with_keycloak)["keycloak"]["spec"]["template"]["spec"]
    variables = {each["name"]: each for each in deployment["containers"][0]["env"]}
    assert variables["KC_HOSTNAME"]["value"] == "http://login:8080"
    secret = of_kind("Secret", with_keycloak)["keycloak-administrator"]["stringData"]
    for name in ("KC_BOOTSTRAP_ADMIN_PASSWORD", "PEOPLE_PASSWORD", "MACHINE_SECRET"):
        kept = variables[name]["valueFrom"]["secretKeyRef"]
        assert kept["name"] == "keycloak-administrator"
        assert len(secret[kept["key"]]) == 32
    others = render("infra", "--set", "keycloak.enabled=true")
    assert of_kind("Secret", others)["keycloak-administrator"]["stringData"] != secret
