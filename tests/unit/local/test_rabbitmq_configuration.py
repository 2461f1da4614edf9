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


def test_a_service_reads_every_log_and_its_own_inbox_only() -> None:
    readable = re.compile(service_rights("lab")["read"])
    assert readable.search("patient.events")
    assert readable.search("patient.events.63")
    assert not readable.search("patient.events.0")
    assert readable.search("lab.inbox")
    assert not readable.search("ward.inbox")
    assert not readable.search("lab.inbox.copy")


def test_a_service_publishes_through_the_default_exchange_only() -> None:
    writable = re.compile(service_rights("lab")["write"])
    assert writable.search("amq.default")
    assert not writable.search("amq.topic")


def test_the_node_listens_where_it_is_told_and_loads_its_definitions() -> None:
    lines = node_configuration("127.0.0.1:5000", Path("/data/definitions.json")).splitlines()
    assert "listeners.tcp.1 = 127.0.0.1:5000" in lines
    assert "load_definitions = /data/definitions.json" in lines
