"""The Secrets of production's broker come from the same template as development's."""

import json
import re
import shutil
from typing import Any

import pytest

from local.plan import logs_read_by
from local.topology import SERVICES
from scripts.broker_secrets import MESSAGE_MAX_BYTES, rendered_definitions, secrets, with_passwords

needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")

DEFINITIONS = {
    "vhosts": [{"name": "infirmary"}],
    "users": [
        {"name": "infirmary", "password": "first", "tags": ["administrator"]},
        {"name": "lab", "password": "second", "tags": []},
    ],
    "permissions": [],
}


def contents(*, tls: bool = False) -> dict[str, dict[str, Any]]:
    made = secrets(DEFINITIONS, namespace="here", host="hospital.here.svc", tls=tls)
    return {each["metadata"]["name"]: each["stringData"] for each in made}


@needs_helm
def test_every_service_gets_the_rights_that_development_gives_it() -> None:
    definitions = rendered_definitions()
    assert {user["name"] for user in definitions["users"]} >= {"infirmary", *(service.name for service in SERVICES)}
    rights = {right["user"]: right for right in definitions["permissions"]}
    for service in SERVICES:
        readable, own = (re.compile(rights[service.name][right]) for right in ("read", "configure"))
        logs = {log for each in SERVICES for log in (f"{each.name}.events", f"{each.name}.to.{service.name}")}
        wanted = {stem if ".to." in stem else f"{stem}.events" for stem in logs_read_by(service.name)}
        of_others = {log for log in logs if not log.startswith(f"{service.name}.")}
        assert {log for log in of_others if readable.search(log)} == wanted & of_others
        assert [each.name for each in SERVICES if own.search(f"{each.name}.to.admission")] == [service.name]


@needs_helm
def test_no_two_renderings_share_a_password() -> None:
    first, second = ({user["password"] for user in rendered_definitions()["users"]} for _ in range(2))
    assert not first & second


def test_who_has_a_password_keeps_it_and_who_is_new_gets_one() -> None:
    users = with_passwords(DEFINITIONS, {"lab": "kept", "gone": "old"})["users"]
    assert {user["name"]: user["password"] for user in users} == {"infirmary": "first", "lab": "kept"}


def test_a_service_gets_its_own_address_and_the_largest_message() -> None:
    assert contents()["lab-broker"] == {
        "url": "amqp://lab:second@hospital.here.svc:5672/infirmary",
        "MESSAGE_MAX_BYTES": str(MESSAGE_MAX_BYTES),
    }


def test_over_tls_the_address_says_so() -> None:
    assert contents(tls=True)["lab-broker"]["url"] == "amqps://lab:second@hospital.here.svc:5671/infirmary"


def test_the_administrator_is_the_user_that_the_operator_is_told_of() -> None:
    administrator = contents()["rabbitmq-administrator"]
    assert (administrator["username"], administrator["password"]) == ("infirmary", "first")
    assert administrator["default_user.conf"] == "default_user = infirmary\ndefault_pass = first\n"
    assert json.loads(contents()["rabbitmq-definitions"]["definitions.json"]) == DEFINITIONS
