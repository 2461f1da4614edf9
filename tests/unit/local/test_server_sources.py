"""Which server is used is decided from what the machine has, in the documented order."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from local.errors import LocalError
from local.servers.choice import servers_for
from local.servers.sources import Machine, Source, mongodb_source, postgres_source, rabbitmq_source


def machine(
    *programs: str, environment: Mapping[str, str] | None = None, is_root: bool = False, docker: bool = False
) -> Machine:
    def find(name: str) -> str | None:
        return f"/usr/bin/{name}" if name in programs else None

    return Machine(environment or {}, is_root, find, lambda: docker)


def test_a_given_server_comes_before_everything_else() -> None:
    given = {"POSTGRES_URL": "postgresql://h", "RABBITMQ_URL": "amqp://h", "MONGODB_URL": "mongodb://h"}
    here = machine("rabbitmq-server", "mongod", environment=given, docker=True)
    assert postgres_source(here) is Source.EXTERNAL
    assert rabbitmq_source(here) is Source.EXTERNAL
    assert mongodb_source(here) is Source.EXTERNAL


def test_an_empty_variable_gives_nothing() -> None:
    assert postgres_source(machine(environment={"POSTGRES_URL": ""})) is Source.EMBEDDED


def test_an_installed_server_comes_before_installing_one_and_before_docker() -> None:
    here = machine("rabbitmq-server", "mongod", "apt-get", is_root=True, docker=True)
    assert rabbitmq_source(here) is Source.INSTALLED
    assert mongodb_source(here) is Source.INSTALLED


def test_rabbitmq_is_installed_with_apt_by_root_only() -> None:
    assert rabbitmq_source(machine("apt-get", is_root=True, docker=True)) is Source.APT
    assert rabbitmq_source(machine("apt-get", docker=True)) is Source.DOCKER


def test_rabbitmq_is_installed_with_brew_before_docker_is_asked() -> None:
    assert rabbitmq_source(machine("brew", docker=True)) is Source.BREW


def test_without_any_way_to_rabbitmq_the_message_says_what_to_do() -> None:
    with pytest.raises(LocalError, match="apt-get install rabbitmq-server") as raised:
        rabbitmq_source(machine("apt-get"))
    assert "Docker" in str(raised.value)
    assert "RABBITMQ_URL" in str(raised.value)


def test_mongodb_falls_back_to_docker_and_then_to_the_development_server() -> None:
    assert mongodb_source(machine(docker=True)) is Source.DOCKER
    assert mongodb_source(machine()) is Source.EMBEDDED


GIVEN = {"POSTGRES_URL": "postgresql://h", "RABBITMQ_URL": "amqp://h", "MONGODB_URL": "mongodb://h"}


@pytest.mark.parametrize(("said", "port"), [({}, 0), ({"RABBITMQ_STREAM_PORT": "5552"}, 5552)])
def test_a_given_broker_speaks_the_stream_protocol_where_that_is_said(
    said: dict[str, str], port: int, tmp_path: Path
) -> None:
    here = machine(environment=GIVEN | said)
    assert servers_for(tmp_path, tmp_path, print, machine=here).rabbitmq.stream_port == port


@pytest.mark.parametrize("wrong", ["five", "-1", "65536"])
def test_a_stream_port_that_is_none_is_refused(wrong: str, tmp_path: Path) -> None:
    here = machine(environment=GIVEN | {"RABBITMQ_STREAM_PORT": wrong})
    with pytest.raises(LocalError, match="RABBITMQ_STREAM_PORT must be a number from 0 to 65535"):
        servers_for(tmp_path, tmp_path, print, machine=here)
