"""The table of services and the port plan."""

from pathlib import Path

import pytest

from local.errors import LocalError
from local.topology import (
    PORT_OFFSETS,
    PROCESSES,
    SERVICES,
    Engine,
    Role,
    Service,
    check_services,
    port_base,
    services_of,
)


def test_no_two_processes_share_a_port() -> None:
    assert len(set(PORT_OFFSETS)) == len(PORT_OFFSETS) == len(PROCESSES) + len(SERVICES)


def test_metrics_are_100_to_300_above_the_port_of_the_api() -> None:
    for service in SERVICES:
        api = service.port_offset(Role.API)
        assert service.metrics_port_offset(Role.CONSUMER) == service.port_offset(Role.CONSUMER) == api + 100
        assert service.metrics_port_offset(Role.RELAY) == service.port_offset(Role.RELAY) == api + 200
        assert service.metrics_port_offset(Role.API) == api + 300


def test_the_table_is_read_in_its_order_and_with_what_it_leaves_out(tmp_path: Path) -> None:
    table = tmp_path / "services.toml"
    table.write_text(
        '[services]\nb = { number = 2, database = "bs", engine = "mongodb" }\n'
        'a = { number = 1, database = "as", relay = false }\n'
    )
    assert services_of(table) == (
        Service("b", 2, "bs", Engine.MONGODB),
        Service("a", 1, "as", Engine.POSTGRESQL, has_relay=False),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a = { number = 1 }", "a needs number and database"),
        ('a = { number = 1, database = "as", port = 2 }', "a needs number and database"),
        ('a = { number = 1, database = "as", engine = "oracle" }', "engine of a should be one of postgresql, mongodb"),
        ('a = { number = "1", database = "as" }', "number of a should be"),
        ("a = 1", "a needs number and database"),
        ("a = {", "cannot be read"),
        ("a = 1\na = 2", "cannot be read"),
    ],
)
def test_a_line_of_the_table_that_says_something_else_is_refused(line: str, said: str, tmp_path: Path) -> None:
    table = tmp_path / "services.toml"
    table.write_text(f"[services]\n{line}\n")
    with pytest.raises(LocalError, match=said):
        services_of(table)


def test_every_service_of_the_hospital_has_a_relay() -> None:
    assert [service.name for service in SERVICES if Role.RELAY not in service.roles] == []


def test_the_port_base_is_8100_unless_the_variable_moves_it() -> None:
    assert port_base({}) == 8100
    assert port_base({"INFIRMARY_PORT_BASE": "18100"}) == 18100


@pytest.mark.parametrize("given", ["", "x", "80", "-1", "65200"])
def test_an_impossible_port_base_is_refused_by_name(given: str) -> None:
    with pytest.raises(LocalError, match="INFIRMARY_PORT_BASE"):
        port_base({"INFIRMARY_PORT_BASE": given})


@pytest.mark.parametrize("name", ["lab2", "a", "x" * 31])
def test_a_name_of_lower_case_letters_and_digits_is_taken(name: str) -> None:
    check_services([*SERVICES, Service(name, 99, "somewhere")])


@pytest.mark.parametrize(
    "name", ["", "2lab", "Lab", "blood_bank", "blood-bank", "blood.bank", "x" * 32, "läb", "lab\n", "relay", "class"]
)
def test_a_name_that_cannot_be_had_everywhere_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(LocalError, match="a service cannot be called"):
        check_services([Service(name, 1, "somewhere")])


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (Service("ward", 10, "other"), "two services have the name 'ward'"),
        (Service("other", 1, "other"), "two services have the number 1"),
        (Service("other", 10, "wards"), "two services have the database 'wards'"),
        (Service("other", 100, "other"), "the number of other must be from 1 to 99"),
        (Service("other", 10, "Others"), "the database of other cannot be called 'Others'"),
    ],
)
def test_two_services_share_nothing(second: Service, said: str) -> None:
    with pytest.raises(LocalError, match=said):
        check_services([Service("ward", 1, "wards"), second])
