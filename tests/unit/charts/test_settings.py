"""What a service is told by its environment, and how a release with a bad value ends."""

from pathlib import Path
from typing import Any

from tests.unit.charts.rendering import infrastructure, needs_helm, of_kind, service

pytestmark = needs_helm


def migration(*values: str) -> dict[str, Any]:
    found: dict[str, Any] = of_kind("Job", service("billing", *values))["billing-migration"]["spec"]
    return found


def variables(container: dict[str, Any]) -> dict[str, Any]:
    """Returns a container's variables as the process sees them: of two of a name, the last."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def process(role: str, *values: str) -> dict[str, Any]:
    pod = of_kind("Deployment", service("billing", *values))[f"billing-{role}"]["spec"]["template"]["spec"]
    found: dict[str, Any] = pod["containers"][0]
    return found


def test_a_migration_whose_configuration_is_not_valid_is_not_tried_again() -> None:
    job = migration()
    rules = job["podFailurePolicy"]["rules"]
    assert {
        "action": "FailJob",
        "onExitCodes": {"containerName": "migration", "operator": "In", "values": [2]},
    } in rules
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # or its log would go with its pod
    assert job["backoffLimit"] <= 3


def test_a_migration_says_why_before_its_job_runs_out_of_time() -> None:
    told = variables(migration("--set", "migration.deadlineSeconds=120")["template"]["spec"]["containers"][0])
    assert float(told["MIGRATION_WAIT_S"]) < 120


def test_the_settings_that_were_meant_are_named_whatever_process_they_are_for() -> None:
    given = "settings.LOG_PARTS=2,api.settings.HTTP_THREADS=4,relay.settings.RELAY_WINDOWS=3"
    told = variables(migration("--set", given)["template"]["spec"]["containers"][0])
    assert told["INFIRMARY_SETTINGS"] == "ADMISSION_FEE,HTTP_THREADS,LOG_PARTS,RELAY_WINDOWS"
    configured = of_kind("ConfigMap", service("billing", "--set", given))["billing"]["data"]
    assert configured["INFIRMARY_SETTINGS"] == told["INFIRMARY_SETTINGS"]


def test_the_migration_is_given_the_settings_of_every_process_of_its_image() -> None:
    given = "settings.LOG_PARTS=2,api.settings.HTTP_THREADS=0,consumer.settings.CONSUMER_BATCH_MESSAGES=0"
    told = variables(migration("--set", given)["template"]["spec"]["containers"][0])
    assert (told["HTTP_THREADS"], told["CONSUMER_BATCH_MESSAGES"], told["LOG_PARTS"]) == ("0", "0", "2")


def test_a_whole_number_of_a_file_is_written_as_one(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(
        "settings: {RELAY_LOG_MAX_BYTES: 10000000000, DATABASE_WAIT_S: 2.5, LOG_LEVEL: DEBUG}\n"
        "relay: {settings: {RELAY_BATCH_BYTES: 2097152}}\nconsumer: {settings: {CONSUMER_BATCH_MESSAGES: 1000000}}\n"
    )
    settings = of_kind("ConfigMap", service("billing", "--values", str(file)))["billing"]["data"]
    assert (settings["RELAY_LOG_MAX_BYTES"], settings["DATABASE_WAIT_S"]) == ("10000000000", "2.5")
    assert settings["LOG_LEVEL"] == "DEBUG"
    assert variables(process("relay", "--values", str(file)))["RELAY_BATCH_BYTES"] == "2097152"
    told = variables(migration("--values", str(file))["template"]["spec"]["containers"][0])
    assert (told["RELAY_LOG_MAX_BYTES"], told["CONSUMER_BATCH_MESSAGES"]) == ("10000000000", "1000000")


def test_a_variable_for_somebody_else_reaches_every_process_and_is_no_setting() -> None:
    given = ("--set", "extraEnv[0].name=TZ,extraEnv[0].value=UTC")
    for container in (
        process("api", *given),
        process("relay", *given),
        migration(*given)["template"]["spec"]["containers"][0],
    ):
        assert variables(container)["TZ"] == "UTC"
    assert "TZ" not in of_kind("ConfigMap", service("billing", *given))["billing"]["data"]["INFIRMARY_SETTINGS"]


def test_the_brokers_largest_message_is_the_services_unless_a_service_says_otherwise() -> None:
    limit = of_kind("Secret", infrastructure())["billing-credentials"]["stringData"]["MESSAGE_MAX_BYTES"]
    assert (
        f"max_message_size = {limit}\n"
        in of_kind("ConfigMap", infrastructure())["rabbitmq"]["data"]["20-infirmary.conf"]
    )
    assert variables(process("relay"))["MESSAGE_MAX_BYTES"] == {
        "secretKeyRef": {"name": "billing-credentials", "key": "MESSAGE_MAX_BYTES", "optional": True}
    }
    assert "MESSAGE_MAX_BYTES" not in variables(process("relay", "--set", "settings.MESSAGE_MAX_BYTES=2048"))
