"""The private node's users, rights and settings."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from local.servers import RabbitMQServer
from local.servers.rabbitmq_configuration import (
    ADMINISTRATOR,
    node_configuration,
    node_definitions,
    password_hash,
    service_rights,
    stream_configuration,
)


def test_a_password_hash_is_the_salt_and_the_sha256_of_salt_and_password() -> None:
    salt = b"\x01\x02\x03\x04"
    assert base64.b64decode(password_hash("secret", salt)) == salt + hashlib.sha256(salt + b"secret").digest()


def test_definitions_hold_no_password_and_no_guest() -> None:
    definitions = repr(node_definitions({ADMINISTRATOR: "first-secret", "lab": "second-secret"}, {"lab": []}))
    assert "secret" not in definitions
    assert "guest" not in definitions


def test_only_the_administrator_has_a_tag() -> None:
    users = node_definitions({ADMINISTRATOR: "a", "lab": "b"}, {"lab": []})["users"]
    assert {user["name"]: user["tags"] for user in users} == {ADMINISTRATOR: "administrator", "lab": ""}


def test_a_service_reads_the_logs_that_it_is_said_to_read_and_what_it_has_said() -> None:
    readable = re.compile(service_rights("lab", ["patient", "admission.to.lab"])["read"])
    for log in ("patient.events", "patient.events.63", "admission.to.lab", "admission.to.lab.1", "lab.inbox"):
        assert readable.search(log), log
    for log in ("lab.events", "lab.to.admission", "lab.owner", "lab.logs"):
        assert readable.search(log), log
    for log in ("patient.events.0", "patientxevents", "ward.events", "admission.events", "patient.to.lab", "patient"):
        assert not readable.search(log), log
    for log in ("admission.to.ward", "ward.to.admission", "ward.inbox", "lab.inbox.copy", "", "amq.default"):
        assert not readable.search(log), log


def test_a_service_that_reads_nobody_reads_what_it_has_said_itself() -> None:
    readable = re.compile(service_rights("lab", [])["read"])
    assert readable.search("lab.events")
    assert not any(readable.search(log) for log in ("patient.events", "admission.to.lab", ""))


def test_a_service_declares_its_own_logs_and_nobody_elses() -> None:
    own = re.compile(service_rights("lab", [])["configure"])
    for log in ("lab.events", "lab.events.63", "lab.to.admission", "lab.inbox"):
        assert own.search(log), log
    for log in ("patient.events", "admission.to.lab", "ward.inbox", "lab2.events", "lab.to.", "lab.other"):
        assert not own.search(log), log


def test_a_service_writes_to_its_own_logs_and_of_the_exchanges_to_its_own() -> None:
    writable = re.compile(service_rights("lab", [])["write"])
    for name in ("lab.logs", "lab.events", "lab.events.63", "lab.to.admission", "lab.to.admission.1"):
        assert writable.search(name), name
    for name in (
        "amq.default",
        "amq.topic",
        "ward.logs",
        "patient.events",
        "admission.to.lab",
        "lab2.events",
        "lab.to.",
        "lab.inbox",
        "lab.owner",
    ):
        assert not writable.search(name), name


def test_whose_the_virtual_host_is_can_be_said_by_the_service_alone() -> None:
    rights = {kind: re.compile(pattern) for kind, pattern in service_rights("lab-2", ["ward-7b.to.lab-2"]).items()}
    assert rights["configure"].search("lab-2.owner")
    assert rights["read"].search("lab-2.owner")
    assert rights["write"].search("lab-2.owner.7321987654321987654.16384")
    assert rights["write"].search("lab-2.owner.0f8fad5b-d9cb-469f-a165-70867728950e")
    assert not any(pattern.search("lab.owner") for pattern in rights.values())


def test_a_services_name_may_hold_digits_and_hyphens() -> None:
    rights = {kind: re.compile(pattern) for kind, pattern in service_rights("lab-2", ["ward-7b.to.lab-2"]).items()}
    assert rights["configure"].search("lab-2.events.3")
    assert rights["configure"].search("lab-2.to.ward-7b")
    assert rights["read"].search("ward-7b.to.lab-2")
    assert not rights["read"].search("7ward.events")
    assert not rights["configure"].search("lab-2.to.ward_7")


def test_the_node_listens_where_it_is_told_and_loads_its_definitions() -> None:
    lines = node_configuration("127.0.0.1:5000", Path("/data/definitions.json")).splitlines()
    assert "listeners.tcp.1 = 127.0.0.1:5000" in lines
    assert "load_definitions = /data/definitions.json" in lines
    assert "max_message_size = 1048576" in lines


def test_a_node_sends_clients_of_the_stream_protocol_where_they_reach_it() -> None:
    lines = stream_configuration("0.0.0.0:5552", 20001).splitlines()
    assert "stream.listeners.tcp.1 = 0.0.0.0:5552" in lines
    assert {"stream.advertised_host = 127.0.0.1", "stream.advertised_port = 20001"} <= set(lines)


@pytest.mark.parametrize("metrics_port", [None, 20003])
def test_a_node_speaks_the_stream_protocol_unless_it_is_told_not_to(tmp_path: Path, metrics_port: int | None) -> None:
    metrics = set() if metrics_port is None else {"rabbitmq_prometheus"}
    assert _plugins(tmp_path / "with", stream_port=20002, metrics_port=metrics_port) == {"rabbitmq_stream"} | metrics
    assert _plugins(tmp_path / "without", stream_port=0, metrics_port=metrics_port) == metrics
    assert "stream.listeners.tcp.1 = 127.0.0.1:20002" in (tmp_path / "with/rabbitmq.conf").read_text()
    assert "stream." not in (tmp_path / "without/rabbitmq.conf").read_text()


def _plugins(folder: Path, *, stream_port: int, metrics_port: int | None) -> set[str]:
    """Returns the plugins of a node that was prepared and not started."""
    RabbitMQServer(folder, stream_port=stream_port, metrics_port=metrics_port).write_configuration()
    return set(re.findall(r"\w+", (folder / "enabled_plugins").read_text()))
