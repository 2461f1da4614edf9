"""What production's files say agrees with the code, with each other, and with what is tried of them."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from infirmary.mongo.granting import commands, given_in
from infirmary.process_roles import Process
from local.servers.mongodb import OWNERS_ACTIONS
from local.topology import SERVICES, Engine
from scripts.broker_secrets import MESSAGE_MAX_BYTES

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ROOT / "k8s/production"
OLDEST_RABBITMQ = (4, 1, 5)
DATABASES = {service.resource for service in SERVICES if service.engine is Engine.POSTGRESQL}


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


@pytest.fixture(scope="module")
def broker() -> dict[str, Any]:
    spec: dict[str, Any] = documents(PRODUCTION / "rabbitmq.yaml")[0]["spec"]
    return spec


def test_the_broker_is_new_enough(broker: dict[str, Any]) -> None:
    numbers = [int(number) for number in re.findall(r"\d+", broker["image"].partition(":")[2])]
    assert tuple(numbers) >= OLDEST_RABBITMQ[: len(numbers)]


def test_the_broker_is_told_no_mode_that_newer_ones_do_not_know(broker: dict[str, Any]) -> None:
    assert "cluster_partition_handling" not in broker["rabbitmq"]["additionalConfig"]


def test_the_broker_takes_what_the_services_are_told_it_takes(broker: dict[str, Any]) -> None:
    assert f"max_message_size = {MESSAGE_MAX_BYTES}\n" in broker["rabbitmq"]["additionalConfig"]


def test_the_databases_differ_by_their_names_alone() -> None:
    files = list((PRODUCTION / "databases").glob("*.yaml"))
    assert {file.stem for file in files} == DATABASES
    any_one = _nameless("billing")
    for file in files:
        assert _nameless(file.stem) == any_one, file.stem


def test_mongodbs_processes_have_the_rights_that_a_migration_would_give_and_the_owner_only_sees_them() -> None:
    spec = documents(PRODUCTION / "notifications.yaml")[-1]["spec"]
    rights = {role["role"]: role["privileges"] for role in spec["security"]["roles"]}
    (owners,) = rights.pop("notifications_owner")
    assert {*owners["actions"]} == {*OWNERS_ACTIONS} - {"grantRole", "revokeRole"}
    roles = {process.role_in("notifications"): process for process in Process}
    given = {role: given_in("notifications", privileges) for role, privileges in rights.items()}
    assert given.keys() == roles.keys()
    assert commands("notifications", roles, "notifications", given) == []
    users = {user["name"]: [role["name"] for role in user["roles"]] for user in spec["users"]}
    assert users == {"notifications": ["readWrite", "notifications_owner"]} | {role: [role] for role in roles}
    addresses = {user["name"]: user["connectionStringSecretName"] for user in spec["users"]}
    assert all(addresses[role] == f"notification-{process}-credentials" for role, process in roles.items())


def test_every_database_is_backed_up_at_an_hour_of_its_own() -> None:
    schedules = documents(PRODUCTION / "backup/schedules.yaml")
    assert {each["spec"]["cluster"]["name"] for each in schedules} == DATABASES
    assert len({each["spec"]["schedule"] for each in schedules}) == len(DATABASES)


def test_the_auditor_of_gaps_knows_every_service() -> None:
    pod = documents(PRODUCTION / "auditor/auditor.yaml")[0]["spec"]["template"]["spec"]
    variables = {each["name"]: each.get("value", "") for each in pod["containers"][0]["env"]}
    assert variables["SERVICES"].split(",") == sorted(service.name for service in SERVICES)


def test_every_endpoint_is_routed_to_its_service_and_nothing_else_is() -> None:
    routes = {
        rule["matches"][0]["path"]["value"]: rule["backendRefs"][0]["name"]
        for rule in documents(PRODUCTION / "routes/routes.yaml")[0]["spec"]["rules"]
    }
    written = {
        f"/{rule.split('/')[1]}": service.name
        for service in SERVICES
        for _, rule, _ in import_module(f"services.{service.name}.api").api.routes
    }
    assert routes == written


def _nameless(resource: str) -> dict[str, Any]:
    """Returns a database of production without the names of its service."""
    service = next(each for each in SERVICES if each.resource == resource)
    text = (PRODUCTION / f"databases/{resource}.yaml").read_text().replace(f"{resource}-app", "NAME-app")
    for name in (resource, service.database):
        text = re.sub(rf"(name|database|owner): {name}(\b|_)", r"\1: NAME\2", text)
    text = re.sub(rf"name: {service.name}-(\w+)-credentials", r"name: NAME-\1-credentials", text)
    nameless: dict[str, Any] = yaml.safe_load(text)
    return nameless
