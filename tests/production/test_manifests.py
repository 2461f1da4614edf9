"""What production's files say agrees with the code, with each other, and with what is tried of them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    name_of = {service.resource: service.database for service in SERVICES}
    for file in files:
        text = file.read_text().replace(f"{file.stem}-app", "NAME-app")
        for name in (file.stem, name_of[file.stem]):
            text = re.sub(rf"(name|database|owner): {name}\b", r"\1: NAME", text)
        spec = next(iter(yaml.safe_load_all(text)))
        assert spec == _any_database(), file.stem


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
        f"/{path}": service.name
        for service in SERVICES
        for file in (ROOT / "services" / service.name).rglob("*.py")
        for path in re.findall(r'endpoint\("[A-Z]+", "/([a-z-]+)', file.read_text())
    }
    assert routes == written


def _any_database() -> dict[str, Any]:
    text = (PRODUCTION / "databases/billing.yaml").read_text()
    any_one: dict[str, Any] = yaml.safe_load(re.sub(r"(name|database|owner): billing\b", r"\1: NAME", text))
    return any_one
