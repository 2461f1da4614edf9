"""The private node's users, rights and settings."""

import base64
import hashlib
import re
from pathlib import Path

from local.servers.rabbitmq import ADMINISTRATOR, node_configuration, node_definitions, password_hash, service_rights


def test_a_password_hash_is_the_salt_and_the_sha256_of_salt_and_password() -> None:
    salt = b"\x01\x02\x03\x04"
    assert base64.b64decode(password_hash("secret", salt)) == salt + hashlib.sha256(salt + b"secret").digest()


def test_definitions_hold_no_password_and_no_guest() -> None:
    definitions = repr(node_definitions({ADMINISTRATOR: "first-secret", "lab": "second-secret"}))
    assert "secret" not in definitions
    assert "guest" not in definitions


def test_only_the_administrator_has_a_tag() -> None:
    users = node_definitions({ADMINISTRATOR: "a", "lab": "b"})["users"]
    assert {user["name"]: user["tags"] for user in users} == {ADMINISTRATOR: "administrator", "lab": ""}


def test_a_service_reads_all_events_and_what_is_said_to_it_only() -> None:
    readable = re.compile(service_rights("lab")["read"])
    assert readable.search("patient.events")
    assert readable.search("patient.events.63")
    assert not readable.search("patient.events.0")
    assert readable.search("lab.inbox")
    assert not readable.search("ward.inbox")
    assert not readable.search("lab.inbox.copy")
    assert readable.search("ward.to.lab")
    assert readable.search("ward.to.lab.3")
    assert not readable.search("lab.to.ward")
    assert not readable.search("ward.to.lab-2")


def test_a_service_declares_the_logs_of_what_it_says_and_of_what_is_said_to_it() -> None:
    may = re.compile(service_rights("lab")["configure"])
    assert may.search("lab.to.ward-2")
    assert may.search("lab.to.ward.63")
    assert may.search("ward.to.lab")
    assert not may.search("ward.to.billing")
    assert not may.search("lab.to.ward.0")
    assert not may.search("lab.to.")


def test_a_service_publishes_through_the_default_exchange_only() -> None:
    writable = re.compile(service_rights("lab")["write"])
    assert writable.search("amq.default")
    assert not writable.search("amq.topic")


def test_whose_the_virtual_host_is_can_be_said_by_the_service_alone() -> None:
    rights = {kind: re.compile(pattern) for kind, pattern in service_rights("lab-2").items()}
    assert rights["configure"].search("lab-2.owner")
    assert rights["read"].search("lab-2.owner")
    assert rights["write"].search("lab-2.owner.7321987654321987654.16384")
    assert rights["write"].search("lab-2.owner.0f8fad5b-d9cb-469f-a165-70867728950e")
    assert not any(pattern.search("lab.owner") for pattern in rights.values())


def test_a_services_name_may_hold_digits_and_hyphens() -> None:
    rights = {kind: re.compile(pattern) for kind, pattern in service_rights("lab-2").items()}
    assert rights["configure"].search("ward-7b.events.3")
    assert rights["configure"].search("lab-2.inbox")
    assert rights["read"].search("lab-2.inbox")
    assert not rights["configure"].search("7ward.events")
    assert not rights["configure"].search("ward_7.events")


def test_the_node_listens_where_it_is_told_and_loads_its_definitions() -> None:
    lines = node_configuration("127.0.0.1:5000", Path("/data/definitions.json")).splitlines()
    assert "listeners.tcp.1 = 127.0.0.1:5000" in lines
    assert "load_definitions = /data/definitions.json" in lines
    assert "max_message_size = 1048576" in lines
