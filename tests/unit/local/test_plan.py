"""Commands, environments and variables of the processes."""

import socket
from pathlib import Path

import pytest

from local.errors import LocalError
from local.plan import DatabaseUrls, Plan, check_ports, outside_environment, service_command
from local.ports import free_base
from local.topology import ISSUER_PORT_OFFSET, PORT_OFFSETS, SERVICES, Role

PATIENT = SERVICES[0]


def plan() -> Plan:
    database_urls = {
        service.name: DatabaseUrls(
            f"postgresql://h/{service.database}", {role: f"postgresql://{role}@h/{service.database}" for role in Role}
        )
        for service in SERVICES
    }
    rabbitmq_urls = {service.name: f"amqp://{service.name}@h" for service in SERVICES}
    return Plan(8100, database_urls, rabbitmq_urls, Path("logs"), Path("spools"), stream_port=5552)


def test_every_command_line_names_its_service_and_its_role() -> None:
    for service in SERVICES:
        for role in service.roles:
            words = service_command(service, role)
            assert service.name in words
            assert any(role.value in word for word in words)


def test_a_process_gets_its_own_database_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_URL", "postgresql://administrator@h")
    api, relay = plan().process(PATIENT, Role.API), plan().process(PATIENT, Role.RELAY)
    assert api.environment is not None
    assert relay.environment is not None
    assert api.environment["DATABASE_URL"] == "postgresql://api@h/patients"
    assert relay.environment["RABBITMQ_URL"] == "amqp://patient@h"
    assert "amqp://" not in str(api.environment), "it speaks to no broker"
    assert (api.environment["HTTP_PORT"], api.environment["METRICS_PORT"]) == ("8101", "8401")
    assert relay.environment["METRICS_PORT"] == "8301"
    assert "POSTGRES_URL" not in api.environment


def test_only_the_consumer_gets_the_owners_address_and_only_to_restore() -> None:
    owner = "postgresql://h/patients"
    for role in Role:
        environment = plan().process(PATIENT, role).environment
        assert environment is not None
        assert environment["DATABASE_URL"] == f"postgresql://{role}@h/patients"
        named = {name for name, value in environment.items() if value == owner}
        assert named == ({"OWNER_DATABASE_URL"} if role is Role.CONSUMER else set())
    migration = plan().migration(PATIENT).environment
    assert migration is not None
    assert migration["DATABASE_URL"] == owner


def test_a_database_that_has_no_roles_of_processes_is_reached_as_its_owner() -> None:
    assert {DatabaseUrls("mongodb://h/notifications").of(role) for role in Role} == {"mongodb://h/notifications"}


def test_every_process_is_told_where_the_broker_speaks_the_stream_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_STREAM_PORT", "1")  # of another broker than the one that the plan is for
    for process in (*(plan().process(PATIENT, role) for role in Role), plan().migration(PATIENT)):
        assert process.environment is not None
        assert process.environment["RABBITMQ_STREAM_PORT"] == "5552", process.name


def test_the_outside_gets_an_api_and_a_database_for_each_service_and_the_broker() -> None:
    environment = outside_environment(plan(), "amqp://administrator@h")
    for service in SERVICES:
        assert {f"{service.name.upper()}_URL", f"{service.name.upper()}_DATABASE_URL"} <= environment.keys()
    assert environment["NOTIFICATION_READS"] == "admission.to.notification,lab,patient.to.notification,prescription"
    assert environment["CHART_URL"] == "http://127.0.0.1:8109"
    assert environment["LAB_DATABASE_URL"] == "postgresql://h/lab_results"
    assert environment["LAB_API_DATABASE_URL"] == "postgresql://api@h/lab_results"
    assert environment["RABBITMQ_URL"] == "amqp://administrator@h"
    assert environment["RABBITMQ_STREAM_PORT"] == "5552"


def test_the_outside_trusts_whom_the_services_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CA_FILE", "databases.pem")
    environment = outside_environment(plan(), "amqps://administrator@h")
    assert (environment["DATABASE_CA_FILE"], "RABBITMQ_CA_FILE" in environment) == ("databases.pem", False)


def test_a_taken_port_is_named_together_with_the_variable_that_moves_it() -> None:
    base = free_base((ISSUER_PORT_OFFSET, *PORT_OFFSETS))
    check_ports(base)
    for offset, whose in (
        (ISSUER_PORT_OFFSET, "provider of identities"),
        (103, "inventory consumer"),
        (3, "inventory api"),
        (303, "inventory api"),
    ):
        said = rf"port {base + offset}, where the {whose} .*INFIRMARY_PORT_BASE"
        with socket.create_server(("127.0.0.1", base + offset)), pytest.raises(LocalError, match=said):
            check_ports(base)
