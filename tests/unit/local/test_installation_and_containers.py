"""What is prepared for a package's scripts and for Docker."""

import itertools
import stat
from pathlib import Path

import pytest

from local.servers.docker import DockerMongoServer, DockerRabbitMQServer, container_name
from local.servers.installation import services_stay_down


def test_a_package_may_start_no_service_while_it_is_installed(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with services_stay_down(policy):
        assert "exit 101" in policy.read_text()
        assert policy.stat().st_mode & stat.S_IXUSR
    assert not policy.exists()


def test_the_policy_is_removed_when_the_installation_fails(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with pytest.raises(RuntimeError), services_stay_down(policy):
        raise RuntimeError
    assert not policy.exists()


def test_a_policy_that_was_there_stays_as_it_was(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs")
    with services_stay_down(policy):
        assert policy.read_text() == "theirs"
    assert policy.read_text() == "theirs"


def test_a_container_keeps_its_name_and_another_folder_gets_another(tmp_path: Path) -> None:
    assert container_name("mongodb", tmp_path / "a") == container_name("mongodb", tmp_path / "a")
    assert container_name("mongodb", tmp_path / "a") != container_name("mongodb", tmp_path / "b")


def test_containers_listen_on_the_loopback_interface_only_and_are_removed_at_their_end(tmp_path: Path) -> None:
    rabbitmq, mongodb = DockerRabbitMQServer(tmp_path / "r"), DockerMongoServer(tmp_path / "m")
    published = {
        rabbitmq: {f"127.0.0.1:{rabbitmq.port}:5672", f"127.0.0.1:{rabbitmq.stream_port}:5552"},
        mongodb: {f"127.0.0.1:{mongodb.port}:27017"},
    }
    for server, ports in published.items():
        (container,) = server.processes
        words = list(container.command)
        assert words[:2] == ["docker", "run"]
        assert "--rm" in words
        assert {after for word, after in itertools.pairwise(words) if word == "--publish"} == ports


def test_a_container_sends_clients_of_the_stream_protocol_to_the_port_that_is_published(tmp_path: Path) -> None:
    server = DockerRabbitMQServer(tmp_path / "r", stream_port=20002)
    server.write_configuration()
    lines = (tmp_path / "r/container/rabbitmq.conf").read_text().splitlines()
    assert {"stream.listeners.tcp.1 = 0.0.0.0:5552", "stream.advertised_port = 20002"} <= set(lines)
    assert (tmp_path / "r/container/enabled_plugins").read_text() == "[rabbitmq_stream].\n"
